"""An editor in front of the real server, as somebody who types sees it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.editor import Editor, Shown, WorkerError, session
from benchmarks.replaying.source_file import SourceFile
from benchmarks.replaying.variant import Variant

_LANGUAGE_IDS = {"tsx": "typescriptreact", "shell": "shellscript"}


class LspScreen:
    """One server and its worker, in a workspace on disk."""

    def __init__(self, editor: Editor, root: Path) -> None:
        self._editor = editor
        self._root = root

    def open(self, file: SourceFile, text: str, cursor: int) -> None:
        language = _LANGUAGE_IDS.get(file.language, file.language)
        self._editor.open(self._root / file.path, text, cursor, language)

    def put(self, text: str, replaced: int = 0, behind: str = "") -> None:
        self._editor.put(text, replaced, behind)

    async def ask(self) -> Shown:
        return await self._editor.ask()

    async def settle(self) -> None:
        await self._editor.settle()

    def told(self, shown: Shown) -> Shown:
        return self._editor.told(shown)

    def processor_ms(self) -> float:
        """What the server's process has computed, in all its threads; not the worker, nor the index."""
        return processor_ms(self._editor.pid)

    def close(self) -> None:
        self._editor.close()


@asynccontextmanager
async def lsp_screen(variant: Variant, model: str, root: Path) -> AsyncIterator[tuple[LspScreen, str]]:
    """A screen whose model is loaded, and the model's name and device.

    Raises:
        WorkerError: there is no model, or the server refuses a setting.
    """
    async with session(model, root, **variant.settings) as editor:
        name = await editor.ready()
        if editor.complaints:
            raise WorkerError(f"{variant.name}: {' '.join(editor.complaints)}")
        yield LspScreen(editor, root), name


def processor_ms(pid: int) -> float:
    """The processor time of a process, in milliseconds, by its clock (clock_getcpuclockid; Linux).

    Raises OSError for a process that has ended.
    """
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e6
