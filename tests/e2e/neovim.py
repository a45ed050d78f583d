"""A real Neovim with a real screen, spoken to over its msgpack-rpc (`:help rpc`)."""

from __future__ import annotations

import itertools
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgpack

from tests.e2e.screen import Screen

REQUEST, RESPONSE, NOTIFICATION = 0, 1, 2
REPLY_TIMEOUT_S = 120.0


class NeovimError(Exception):
    """Neovim answered with an error."""


class Neovim:
    """One Neovim process. Use as a context manager: it ends with the block."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], cwd: Path, size: tuple[int, int]
    ) -> None:
        self.screen = Screen(*size)
        self._ids = itertools.count()
        self._replies: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [*argv, "--embed"], cwd=cwd, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        options = {"rgb": True, "ext_linegrid": True}
        self.call("nvim_ui_attach", self.screen.columns, self.screen.rows, options)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()  # Neovim ends with its UI, and its servers with it
        try:
            self._process.wait(REPLY_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._reader.join()
            self._process.stdout.close()

    def call(self, method: str, *arguments: Any) -> Any:
        """Calls an API function. Raises NeovimError if it fails, TimeoutError if no answer comes."""
        assert self._process.stdin is not None
        number = next(self._ids)
        self._process.stdin.write(msgpack.packb([REQUEST, number, method, arguments]))
        self._process.stdin.flush()
        try:
            _, answered, error, result = self._replies.get(timeout=REPLY_TIMEOUT_S)
        except queue.Empty:
            screen = "\n".join(self.screen.lines())
            raise TimeoutError(f"no answer to {method}; on the screen:\n{screen}") from None
        assert answered == number
        if error is not None:
            raise NeovimError(error[1])
        return result

    def lua(self, code: str, *arguments: Any) -> Any:
        return self.call("nvim_exec_lua", code, arguments)

    def press(self, keys: str) -> None:
        """Types keys, `<Esc>` and the like included, as a user does."""
        self.call("nvim_input", keys)

    def lines(self) -> list[str]:
        """The current buffer."""
        return list(self.call("nvim_buf_get_lines", 0, 0, -1, True))

    def ghost(self) -> str:
        """The ghost text now on show; empty if there is none."""
        return str(self.lua(GHOST))

    def _read(self) -> None:
        assert self._process.stdout is not None
        unpacker = msgpack.Unpacker(raw=False, unicode_errors="surrogateescape", strict_map_key=False)
        while data := self._process.stdout.read1(65536):  # type: ignore[attr-defined]  # a BufferedReader
            unpacker.feed(data)
            for message in unpacker:
                if message[0] == RESPONSE:
                    self._replies.put(message)
                elif message[0] == NOTIFICATION and message[1] == "redraw":
                    self.screen.apply(message[2])


GHOST = """
local namespace = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
if not namespace then return '' end
local marks = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })
if not marks[1] then return '' end
local details = marks[1][4]
local lines = { vim.iter(details.virt_text or {}):map(function(chunk) return chunk[1] end):join('') }
for _, line in ipairs(details.virt_lines or {}) do
  table.insert(lines, vim.iter(line):map(function(chunk) return chunk[1] end):join(''))
end
return table.concat(lines, '\\n')
"""
