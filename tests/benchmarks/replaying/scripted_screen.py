"""A screen that shows what a test says, and keeps the document as an editor would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.editor import Shown
from benchmarks.replaying.source_file import SourceFile

Says = Callable[[str, str], str | tuple[str, int]]
"""The text, and how many characters behind the cursor it replaces, for what is before and behind it."""

STATISTICS = {"prompt_tokens": 100.0, "cached_tokens": 90.0}


class ScriptedScreen:
    """The server takes no time but for a millisecond a change, two a request and half a one to settle."""

    def __init__(self, says: Says) -> None:
        self._says = says
        self._processor_ms = 0.0
        self._change_ms = 0.0
        self.text, self.cursor = "", 0
        self.changes: list[tuple[str, int, str]] = []
        self.asked: list[str] = []  # the text before the cursor

    def open(self, file: SourceFile, text: str, cursor: int) -> None:
        self.text, self.cursor = text, cursor

    def put(self, text: str, replaced: int = 0, behind: str = "") -> None:
        self.changes.append((text, replaced, behind))
        self.text = self.text[: self.cursor] + text + behind + self.text[self.cursor + replaced :]
        self.cursor += len(text)
        self._change_ms += 1.0

    async def ask(self) -> Shown:
        self._handle()
        self._processor_ms += 2.0
        before, after = self.text[: self.cursor], self.text[self.cursor :]
        self.asked.append(before)
        said = self._says(before, after)
        text, replaced = (said, 0) if isinstance(said, str) else said
        return Shown(text, None, 7.0 if text else 3.0, None, replaced=replaced)

    async def settle(self) -> None:
        self._handle()
        self._processor_ms += 0.5

    def told(self, shown: Shown) -> Shown:
        return replace(shown, statistics=STATISTICS, waited_ms=4.0, stop_reason="eot", source="model")

    def processor_ms(self) -> float:
        return self._processor_ms

    def close(self) -> None:
        pass

    def _handle(self) -> None:
        self._processor_ms, self._change_ms = self._processor_ms + self._change_ms, 0.0
