"""Why this, and why nothing: what the last requests went through, for `midfill/explain` and `midfill why`.

trace.py      what one request writes down on its way; handed along in its Moment
ring.py       the last traces, in memory
explain.py    a trace as JSON, without text unless it is asked for
door.py       the socket at which `midfill why` asks a running server
replay.py     a trace in a file, that today's code can be run on again
"""
