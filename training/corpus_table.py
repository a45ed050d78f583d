"""What a corpus consists of, by language, by licence and by part, and what was left out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from training.sources import Source

_KINDS = ("language", "licence", "part")


@dataclass(slots=True)
class Tally:
    """What was kept. `files`, `bytes` and `tokens` are of the training split.

    `weighted_bytes` counts each file as often as its source's `passes` say; `tokens` stays 0 without a
    tokenizer.
    """

    files: int = 0
    bytes: int = 0
    weighted_bytes: float = 0.0
    tokens: int = 0
    held_out_files: int = 0
    held_out_bytes: int = 0

    def add(self, source: Source, size: int, tokens: int) -> None:
        if source.held_out:
            self.held_out_files += 1
            self.held_out_bytes += size
        else:
            self.files += 1
            self.bytes += size
            self.weighted_bytes += size * source.passes
            self.tokens += tokens


@dataclass(slots=True)
class CorpusTable:
    """Tallies of every file that was kept, by each of three properties. `build` in corpus.py fills it."""

    with_tokens: bool = False
    total: Tally = field(default_factory=Tally)
    groups: dict[str, dict[str, Tally]] = field(default_factory=lambda: {kind: {} for kind in _KINDS})

    def add(self, source: Source, language: str, size: int, tokens: int = 0) -> None:
        """Count a file of `size` bytes; `tokens` of a held-out file are not counted."""
        self.total.add(source, size, tokens)
        for kind, name in zip(_KINDS, (language, source.licence, source.part or "main"), strict=True):
            self.groups[kind].setdefault(name, Tally()).add(source, size, tokens)

    def summary(self) -> dict[str, Any]:
        """The same for a JSON file."""
        return {
            f"by_{kind}": {name: asdict(tally) for name, tally in self._ranked(kind)} for kind in _KINDS
        } | {"total": asdict(self.total)}

    def text(self, dropped: Mapping[str, int], scrubbed: Mapping[str, int]) -> str:
        """Aligned columns: MB are 10^6 bytes, shares are of all bytes, "used" counts a source's passes."""
        heads = ["", "files", "MB", "share", "used MB", "share", "held-out MB"]
        rows = [heads + ["M tokens"] * self.with_tokens]
        for kind in _KINDS:
            rows.append([kind])
            rows += [self._cells(f"  {name}", tally) for name, tally in self._ranked(kind)]
        rows.append(self._cells("total", self.total))
        for title, counts in (("left out, files", dropped), ("replaced", scrubbed)):
            rows.append([title])
            ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            rows += [[f"  {name}", f"{count:,}"] for name, count in ranked]
        widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(len(rows[0]))]
        lines = []
        for row in rows:
            cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
            lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
        return "\n".join(lines)

    def _ranked(self, kind: str) -> list[tuple[str, Tally]]:
        return sorted(self.groups[kind].items(), key=lambda item: (-item[1].bytes, item[0]))

    def _cells(self, name: str, tally: Tally) -> list[str]:
        cells = [
            name,
            f"{tally.files:,}",
            f"{tally.bytes / 1e6:,.2f}",
            f"{tally.bytes / max(1, self.total.bytes):.1%}",
            f"{tally.weighted_bytes / 1e6:,.2f}",
            f"{tally.weighted_bytes / max(1.0, self.total.weighted_bytes):.1%}",
            f"{tally.held_out_bytes / 1e6:,.2f}",
        ]
        return [*cells, f"{tally.tokens / 1e6:,.2f}"] if self.with_tokens else cells
