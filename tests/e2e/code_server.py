"""The real VS Code, served to a browser by code-server, with the extension installed from its .vsix."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.e2e.browser import Browser
from tests.e2e.deadline import eventually
from tests.e2e.fetch_editors import Editors, cache_directory

# A page with nothing on it but what the tests are about.
SETTINGS = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.colorTheme": "Default Dark Modern",
    "workbench.tips.enabled": False,
    "chat.disableAIFeatures": True,
    "chat.commandCenter.enabled": False,
    "window.commandCenter": False,
    "editor.minimap.enabled": False,
    "editor.fontFamily": "'JetBrains Mono', 'DejaVu Sans Mono', monospace",
    "editor.fontSize": 15,
    "editor.autoClosingBrackets": "never",
    "editor.quickSuggestions": {"other": "off"},
    "editor.suggestOnTriggerCharacters": False,
    "extensions.ignoreRecommendations": True,
    "files.autoSave": "off",
    "git.enabled": False,
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
}

# VS Code has no key of its own for asking by hand.
KEYS = [{"key": "ctrl+alt+i", "command": "editor.action.inlineSuggest.trigger", "when": "editorTextFocus"}]

GHOST = "[class*=ghost-text]"
STATUS = "[id='midfill.midfill.midfill.status']"
READY = f"{STATUS} .codicon-sparkle"
OFF = f"{STATUS} .codicon-circle-slash"
SETTINGS_SEARCH = ".settings-editor .suggest-input-container"
EXPLORER_ROW = ".explorer-folders-view .monaco-list-row"
NOTIFICATION = ".notifications-toasts .notification-list-item"
EXIT_TIMEOUT_S = 30.0


class CodeServer:
    """VS Code with a folder open in `browser`. Use as a context manager."""

    def __init__(
        self, editors: Editors, browser: Browser, environment: Mapping[str, str], home: Path, folder: Path
    ) -> None:
        self.browser = browser
        self.folder = folder
        self._home = home
        self._argv = [str(editors.node), str(editors.code_server)]
        self._argv += ["--user-data-dir", str(home / "data"), "--extensions-dir", str(home / "extensions")]
        path = f"{editors.node.parent}{os.pathsep}{environment['PATH']}"
        self._environment = {**environment, "PATH": path}
        self._vsix = editors.vsix

    def __enter__(self) -> Self:
        user = self._home / "data" / "User"
        user.mkdir(parents=True)
        (user / "settings.json").write_text(json.dumps(SETTINGS))
        (user / "keybindings.json").write_text(json.dumps(KEYS))
        config = self._home / "config.yaml"
        config.write_text("auth: none\n")
        argv = [*self._argv, "--config", str(config)]
        install = [*argv, "--install-extension", str(self._vsix)]
        done = subprocess.run(install, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"the extension cannot be installed:\n{done.stdout}{done.stderr}"
        self._log = (self._home / "log.txt").open("w+")
        serve = ["--bind-addr", "127.0.0.1:0", "--auth", "none", "--disable-workspace-trust"]
        serve += ["--disable-telemetry", "--disable-update-check", str(self.folder)]
        self._process = subprocess.Popen(
            [*argv, *serve],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self.browser.open(eventually(self._address, "code-server listens"))
            eventually(lambda: self.browser.texts(STATUS), "the extension's status bar item")
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        if kind is not None:
            seen = cache_directory() / f"failure-{os.getpid()}.png"
            self.browser.do("screenshot", selector=None, path=str(seen))
            print(f"what VS Code showed: {seen}")
        self.browser.open("about:blank")  # or VS Code would ask to reconnect
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()

    def _address(self) -> str | None:
        if self._process.poll() is not None:
            raise AssertionError(f"code-server ended:\n{(self._home / 'log.txt').read_text()}")
        found = re.search(r"server listening on (http\S+)", (self._home / "log.txt").read_text())
        return found.group(1) if found else None

    def open_file(self, name: str, line: int, column: int) -> None:
        """Opens a file of the folder with the cursor there (1-based)."""
        self._see(EXPLORER_ROW, name)
        self.browser.do("click", selector=f"{EXPLORER_ROW}:has-text('{name}')")
        self._see(".tab.active", name)
        self.browser.press("Control+g")
        self.browser.type(f"{line}:{column}")
        self._see(".quick-input-list .monaco-list-row", f"line {line} at column {column}")
        self.browser.press("Enter")
        self._see(".statusbar-item", f"Ln {line}, Col {column}")

    def wake_ghost_text(self) -> None:
        """Has VS Code make the part that asks for ghost text, which it else puts off until it is idle.

        What is typed into a new editor before that asks for nothing.
        """
        self.browser.press("Control+Alt+i")

    def _see(self, selector: str, text: str) -> None:
        eventually(
            lambda: any(text in seen for seen in self.browser.texts(selector)), f"{text} in {selector}"
        )

    def ghost(self) -> str:
        """The ghost text on show, without its line ends; empty if there is none."""
        return "".join(self.browser.texts(GHOST))

    def saved(self, name: str) -> str:
        """The text of a file as VS Code saves it now."""
        self.browser.press("Control+s")
        dirty = ".tab.active.dirty"
        eventually(lambda: not self.browser.texts(dirty), f"{name} is saved")
        return (self.folder / name).read_text()
