"""A browser to look at VS Code with; the other end of browser.mjs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Self

from tests.e2e.fetch_editors import HERE, Editors

SIZE = (1100, 640)


class BrowserError(Exception):
    """The browser could not do what it was told."""


class Browser:
    """One Chromium with one page. Use as a context manager."""

    def __init__(self, editors: Editors) -> None:
        argv = [str(editors.node), str(HERE / "browser.mjs"), str(editors.playwright), str(editors.chromium)]
        environment = {**os.environ, **editors.chromium_environment}
        self._process = subprocess.Popen(
            argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # it ends with its input
        assert self._process.returncode == 0

    def do(self, action: str, **parameters: Any) -> Any:
        """Has an action of browser.mjs done. Raises BrowserError."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"action": action, **parameters}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError(f"the browser is gone; its exit code is {self._process.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise BrowserError(f"{action}: {reply['error']}")
        return reply["result"]

    def open(self, url: str) -> None:
        self.do("open", url=url, width=SIZE[0], height=SIZE[1])

    def press(self, *keys: str) -> None:
        for key in keys:
            self.do("press", key=key)

    def type(self, text: str, delay_ms: int = 30) -> None:
        self.do("type", text=text, delay=delay_ms)

    def texts(self, selector: str) -> list[str]:
        """The text of every element; spaces that cannot break become plain ones."""
        return [text.replace("\xa0", " ") for text in self.do("texts", selector=selector)]

    def picture_of_html(self, html: str, path: Path) -> None:
        self.do("show", html=html, width=SIZE[0], height=SIZE[1])
        self.do("screenshot", selector="pre", path=str(path))
