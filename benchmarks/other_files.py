"""What other open files know of the line that is typed next, without a model.

    python -m benchmarks.other_files --corpus DIR [--cursors N] [--others N] [--seed N] [--json]

At random lines of held-out projects, each taken out of its file, with other files of the project open: the
first piece of each source is looked at. A random stretch of one of the files is the one to compare with.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from lsp_server.completion.sources.definitions import OpenDefinitions
from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.query import Query, Source
from lsp_server.completion.sources.windows import SimilarWindows
from lsp_server.document import Document, Snapshot
from lsp_server.index.meaning import cut
from training.documents import Document as Record
from training.documents import read_documents

_ROOM = 480  # characters of a piece
_NEAR = (1100, 340)  # characters before and behind the cursor that a prompt of the model that ships has
_MATES = 5  # of the others that are in the same folder, if there are so many
_MIN_LINES = 40
_WORD = re.compile(r"[A-Za-z_]\w{3,}")


@dataclass(slots=True)
class Tally:
    """Over all cursors: how many pieces, in how many the line stands that was taken out, and how many of its
    words, among those that are nowhere near, the pieces have."""

    pieces: int = 0
    lines: int = 0
    words: int = 0
    words_found: int = 0

    def add(self, piece: str, line: str, words: set[str]) -> None:
        self.pieces += 1
        self.lines += line in {each.strip() for each in piece.split("\n")}
        self.words += len(words)
        self.words_found += len(words.intersection(_WORD.findall(piece)))


def tallies(records: list[Record], cursors: int, num_others: int, rng: random.Random) -> dict[str, Tally]:
    """A tally for each source. Raises ValueError where no file has enough lines and others beside it."""
    sources: dict[str, Source] = {"definition": OpenDefinitions(str), "similar window": SimilarWindows()}
    found: dict[str, Tally] = defaultdict(Tally)
    for query, line in _places(records, cursors, num_others, rng):
        text, at = query.snapshot.text, query.offset
        words = set(_WORD.findall(line)) - set(_WORD.findall(text[max(0, at - _NEAR[0]) : at + _NEAR[1]]))
        for name, source in sources.items():
            pieces = asyncio.run(source.find(query, Pace()))
            if pieces:
                found[name].add(pieces[0].snippet.text, line, words)
        other = query.others[0]
        start = other.line_start(rng.randrange(len(other.text)))
        found["random stretch"].add(cut(other.text[start : start + 2 * _ROOM], _ROOM), line, words)
    return dict(found)


def _places(
    records: list[Record], cursors: int, num_others: int, rng: random.Random
) -> Iterator[tuple[Query, str]]:
    """Places, and the line that was taken out at each, without blanks around it."""
    projects: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in dict.fromkeys(records):
        projects[record.source, record.language].append(record)
    usable = [record for record in dict.fromkeys(records) if record.text.count("\n") >= _MIN_LINES]
    usable = [record for record in usable if len(projects[record.source, record.language]) > 1]
    if not usable:
        raise ValueError("no file has forty lines and another of its project and language beside it")
    opened: dict[Record, Snapshot] = {}
    for _ in range(cursors):
        record = rng.choice(usable)
        others = [each for each in projects[record.source, record.language] if each is not record]
        rng.shuffle(others)
        mates = [each for each in others if each.folder == record.folder][:_MATES]
        chosen = [*mates, *(each for each in others if each not in mates)][:num_others]
        for each in chosen:
            if each not in opened:
                opened[each] = _opened(each, each.text)
        lines = record.text.split("\n")
        at = rng.choice([n for n, line in enumerate(lines) if len(line.strip()) >= 4][_MIN_LINES // 4 :])
        here = _opened(record, "\n".join([*lines[:at], "", *lines[at + 1 :]]))
        offset = len("\n".join(lines[:at])) + 1
        yield Query.of(here, offset, tuple(opened[each] for each in chosen)), lines[at].strip()


def _opened(record: Record, text: str) -> Snapshot:
    return Document(f"file:///{record.path}", record.language, 1, text).snapshot


def table(found: dict[str, Tally], cursors: int) -> str:
    """Markdown."""
    lines = ["| piece | at cursors | holds the line | has of its new words |", "|---|---:|---:|---:|"]
    for name, tally in found.items():
        line, word = tally.lines / max(1, tally.pieces), tally.words_found / max(1, tally.words)
        lines.append(f"| {name} | {tally.pieces / cursors:.1%} | {line:.1%} | {word:.1%} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.other_files", description="What other open files know of the next line."
    )
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="as training writes it")
    parser.add_argument("--cursors", type=int, default=500, metavar="N", help="(default: %(default)s)")
    parser.add_argument(
        "--others", type=int, default=8, metavar="N", help="open files (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        records = read_documents(options.corpus, "heldout", {}, options.seed)
        found = tallies(records, options.cursors, options.others, random.Random(options.seed))
    except (OSError, ValueError) as error:
        print(f"other_files: {error}", file=sys.stderr)
        return 1
    told = {name: asdict(tally) for name, tally in found.items()}
    print(json.dumps(told) if options.json else table(found, options.cursors))
    return 0


if __name__ == "__main__":
    sys.exit(main())
