"""Stretches of other files that look like what stands before the cursor.

Sliding windows compared by the Jaccard similarity of their words, as RepoCoder does (arXiv 2303.12570, there
with windows of 20 lines in steps of 10). What is shown begins in the middle of the best window and goes on
behind it, as in ReACC (arXiv 2203.07722): how it went on there.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass

from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.prepared import MAX_CHARACTERS, Prepared
from lsp_server.completion.sources.query import Piece, Query, family, lines_of
from lsp_server.document import Snapshot
from lsp_server.index.meaning import cut

BLOCK = 5  # lines; a window is two blocks, and the next window begins a block later
NUM_LINES = 2 * BLOCK  # with text, before the cursor's, that are compared
MIN_WORDS = 6
MIN_SIMILARITY = 0.25
"""From here on the line that is typed next stands in the piece in 17% of all cases, below it in 1%
(decisions/0024)."""
_REACH = 2000  # characters before the cursor in which those lines are looked for
_ROOM = 480  # characters of one; as of a definition
_MAX_PIECES = 4
_WIDE = 2000  # characters of a block that are read
_STRIDE = 256  # blocks between two rests
_WORD = re.compile(r"[A-Za-z_]\w+")


@dataclass(frozen=True, slots=True)
class _Page:
    """A document's words: of each the blocks that have it, ascending, and of each window how many it has."""

    blocks: dict[str, array[int]]
    num_words: array[int]


class SimilarWindows:
    """Each document is read once for each of its versions that is asked about."""

    def __init__(self) -> None:
        self._pages = Prepared(_page)

    async def find(self, query: Query, pace: Pace) -> tuple[Piece, ...]:
        """The best window of each document, those of the cursor's own language first."""
        self._pages.keep([each.uri for each in query.others])
        words = _words_before(query.snapshot, query.offset)
        if len(words) < MIN_WORDS:
            return ()
        best: list[tuple[bool, float, int, Snapshot, int]] = []
        for order, snapshot in enumerate(query.others):
            if len(snapshot.text) > MAX_CHARACTERS:
                continue
            page = await self._pages.of(snapshot, pace)
            similarity, block = await _most_similar(page, words, pace)
            if similarity >= MIN_SIMILARITY:
                is_foreign = family(snapshot) != query.family
                best.append((is_foreign, -similarity, order, snapshot, block))
        found: list[Piece] = []
        for *_, snapshot, block in sorted(best, key=lambda each: each[:3]):
            piece = query.piece(snapshot, _behind(query, snapshot, block))
            if piece is not None and len(found) < _MAX_PIECES:
                found.append(piece)
        return tuple(found)


def _words_before(snapshot: Snapshot, offset: int) -> frozenset[str]:
    end = snapshot.line_start(offset)
    lines = [line for line in snapshot.text[max(0, end - _REACH) : end].splitlines() if line.strip()]
    return frozenset(_WORD.findall("\n".join(lines[-NUM_LINES:])))


async def _page(snapshot: Snapshot, pace: Pace) -> _Page:
    text, lines = snapshot.text, snapshot.lines
    blocks: dict[str, array[int]] = {}
    num_words, before = array("L"), set[str]()
    for block, first in enumerate(range(0, len(lines), BLOCK)):
        start = lines.start(first)
        end = lines.start(first + BLOCK) if first + BLOCK < len(lines) else len(text)
        words = set(_WORD.findall(text, start, min(end, start + _WIDE)))
        for word in words:
            blocks.setdefault(word, array("L")).append(block)
        if block:
            num_words.append(len(before | words))
        before = words
        await pace.rest()
    num_words.append(len(before))
    return _Page(blocks, num_words)


async def _most_similar(page: _Page, words: frozenset[str], pace: Pace) -> tuple[float, int]:
    """The similarity of the best window, the first of equals, and its first block."""
    shared = array("L", bytes(page.num_words.itemsize * len(page.num_words)))
    for word in words:
        last = -1
        for count, block in enumerate(page.blocks.get(word, ())):
            shared[block] += 1
            if block and last != block - 1:
                shared[block - 1] += 1
            last = block
            if count % _STRIDE == 0:
                await pace.rest()
    best, at = 0.0, 0
    for block, count in enumerate(shared):
        similarity = count / (len(words) + page.num_words[block] - count)
        if similarity > best:
            best, at = similarity, block
        if block % _STRIDE == 0:
            await pace.rest()
    return best, at


def _behind(query: Query, snapshot: Snapshot, block: int) -> str:
    """From the middle of a window on, without what the cursor's surroundings begin with as well; all of the
    window where nothing comes then."""
    for first in (BLOCK * (block + 1), BLOCK * block):
        if first < len(snapshot.lines):
            start = snapshot.lines.start(first)
            lines = snapshot.text[start : start + 4 * _ROOM].splitlines(keepends=True)
            while lines and lines_of(lines[0]) <= query.lines:
                del lines[0]
            if lines:
                return cut("".join(lines).removesuffix("\n"), _ROOM)
    return ""
