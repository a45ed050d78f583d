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
_CHANGES = frozenset(
    ("os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate")
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _watch(folder: str) -> None:
    realpath, fsdecode, within, null = os.path.realpath, os.fsdecode, folder + os.sep, os.devnull

    def inside(path: object) -> bool:
        try:
            resolved = realpath(fsdecode(path))  # type: ignore[arg-type]  # what is no path raises
        except TypeError:
            return False
        return resolved == null or resolved.startswith(within)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith(_REFUSED):
            raise PermissionError(f"{event} is not permitted here")
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and not isinstance(path, int) and not inside(path):
                raise PermissionError("files outside of the folder are not to be written")
        elif event in _CHANGES and not all(
            inside(argument)
            for argument in arguments
            if argument is not None and not isinstance(argument, int)
        ):
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
