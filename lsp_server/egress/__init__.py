"""A self-test: does any process of Midfill open a socket that leads off this machine?

What is watched is one run of the server, its worker and its index, from the first instruction to the last.
The kernel
stops each system call by which one of them could get such a socket, and tells (seccomp.py); beside that
the sockets that they hold are looked at (sockets.py). It proves nothing of runs that do something else,
and nothing of programs of others that Midfill might ask over a unix socket: there are none that it knows.
"""
