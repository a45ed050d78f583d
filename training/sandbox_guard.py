"""The inside of the sandbox: runs the program on standard input, and vouches for it if it ran to its end.

Started by `training/sandbox.py` as a script of its own. The first line of the input is a word that is written
to what was standard output only when the program's last statement is done: one that leaves early, by
`sys.exit` or `os._exit` or a signal, does not pass. An audit hook (PEP 578), which cannot be taken back,
refuses sockets, processes, foreign code, and changes to files outside the folder.
"""

import os
import sys

_REFUSED = (
    "ctypes.", "os.chown", "os.exec", "os.fork", "os.kill", "os.posix_spawn", "os.setxattr", "os.spawn",
    "os.system", "pty.", "socket.", "subprocess.",
)  # fmt: skip
# Which arguments of an event are paths that change, and which the open folders that they are relative to.
_CHANGES = {
    "os.chmod": ((0, 2),), "os.link": ((0, 2), (1, 3)), "os.mkdir": ((0, 2),), "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)), "os.rmdir": ((0, 1),), "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _watch(folder: str) -> None:
    realpath, fsdecode, within, null = os.path.realpath, os.fsdecode, folder + os.sep, os.devnull

    def inside(path: object, directory: object = -1) -> bool:
        try:
            name = fsdecode(path)  # type: ignore[arg-type]  # what is no path raises
        except TypeError:
            return False
        if directory != -1 and not name.startswith("/"):
            name = f"/proc/self/fd/{directory}/{name}"
        resolved = realpath(name)
        return resolved == null or resolved.startswith(within)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith(_REFUSED):
            raise PermissionError(f"{event} is not permitted here")
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and not isinstance(path, int) and not inside(path):
                raise PermissionError("files outside of the folder are not to be written")
        for at, beside in _CHANGES.get(event, ()):
            directory = -1 if beside is None else arguments[beside]
            if not isinstance(arguments[at], int) and not inside(arguments[at], directory):
                raise PermissionError(f"{event} outside of the folder is not permitted here")

    sys.addaudithook(hook)


def main() -> None:
    word, source = sys.stdin.buffer.read().split(b"\n", 1)
    vouching = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    code = compile(source, "program", "exec", dont_inherit=True)
    module = type(sys)("__main__")
    sys.modules["__main__"] = module
    _watch(os.path.realpath(os.getcwd()))  # noqa: PTH109 - pathlib is slow to import, and this starts often
    exec(code, module.__dict__)  # noqa: S102 - this is what the sandbox is for
    os.write(vouching, word)
    os._exit(0)


if __name__ == "__main__":
    main()
