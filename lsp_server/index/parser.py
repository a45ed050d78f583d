"""A process that parses files: `python -m lsp_server.index.parser`.

Grammars are C code, which nothing can interrupt, and files are whatever they are. So they meet in a process
of their own, with limited memory, which whoever started it may kill: one line of JSON with a path for each
file, one line of JSON with what is in it for an answer.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path

from lsp_server.index.definition import Contents, Definition, Import
from lsp_server.index.definitions import contents_of
from lsp_server.index.languages import language_of
from lsp_server.index.source import NotReadError, Stamp, read, unfit
from lsp_server.policy.secrets import veil

MAX_MEMORY = 1 << 30
"""Bytes of address space. Python with a dozen grammars has some 150 MB of it."""


MAX_CPU_S = 5.0
"""CPU time for one file, after which the process is killed. A parse gives itself half a second."""


def parse_file(path: str) -> tuple[Stamp, Contents] | None:
    """What a file holds and its stamp; None where it cannot be read now.

    A file that is not worth an index holds nothing: so it is not read again until it changes.
    """
    try:
        data, stamp = read(Path(path))
    except (NotReadError, OSError):
        return None
    language = language_of(path)
    if language is None or unfit(data) is not None:
        return stamp, Contents()
    return stamp, _veiled(contents_of(data, language))


def _veiled(contents: Contents) -> Contents:
    """With stand-ins for secrets: a default argument may be one, and so may an address in an import."""
    return Contents(
        tuple(
            replace(each, signature=veil(each.signature), doc=veil(each.doc)) for each in contents.definitions
        ),
        tuple(replace(each, module=veil(each.module)) for each in contents.imports),
    )


def encode(parsed: tuple[Stamp, Contents] | None) -> bytes:
    """One line of JSON."""
    if parsed is None:
        return b"null\n"
    stamp, contents = parsed
    definitions = [
        (d.name, d.kind, d.signature, d.doc, d.start, d.end, d.line, d.end_line, d.container)
        for d in contents.definitions
    ]
    imports = [(each.module, each.names) for each in contents.imports]
    return json.dumps([stamp.size, stamp.mtime_ns, definitions, imports]).encode() + b"\n"


def decode(line: bytes) -> tuple[Stamp, Contents] | None:
    """What `encode` was given. Raises ValueError, TypeError for a line that is not its."""
    value = json.loads(line)
    if value is None:
        return None
    size, mtime_ns, definitions, imports = value
    return Stamp(size, mtime_ns), Contents(
        tuple(Definition(*fields) for fields in definitions),
        tuple(Import(module, tuple((here, there) for here, there in names)) for module, names in imports),
    )


def main() -> None:
    """Serve until stdin ends."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # which ends the process, in C code too
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, MAX_CPU_S)
        try:
            parsed = parse_file(json.loads(line))
        except (MemoryError, RecursionError):
            parsed = None
        sys.stdout.buffer.write(encode(parsed))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
