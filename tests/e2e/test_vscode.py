"""The real VS Code with the extension installed from its .vsix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.e2e.code_server import NOTIFICATION, OFF, READY, SETTINGS_SEARCH, STATUS, CodeServer
from tests.e2e.deadline import eventually, settled
from tests.e2e.scripted_server import COMPLETION

pytestmark = pytest.mark.editors

DOCSTRING = (10, 52)  # the end of conftest.STATISTICS, line and column
BODY = 10  # index of the line after it

Start = Callable[[Mapping[str, str]], CodeServer]


def open_body(code: CodeServer) -> None:
    """Opens a new line under the docstring of mean(), as a user does who goes on to write its body."""
    code.open_file("statistics.py", *DOCSTRING)
    eventually(lambda: code.browser.texts(READY), "the status is ready")
    code.wake_ghost_text()
    code.browser.press("Enter")


def test_ghost_text_grows_and_is_accepted_and_undone(code_server: Start, scripted: Mapping[str, str]) -> None:
    with code_server(scripted) as code:
        open_body(code)
        seen = {code.ghost()}
        while COMPLETION not in seen:
            seen.add(eventually(code.ghost, f"ghost text after {seen}"))
        assert len(seen - {"", COMPLETION}) > 0, "it came at once"
        assert all(COMPLETION.startswith(text) for text in seen)
        code.browser.press("Tab")
        assert code.saved("statistics.py").splitlines()[BODY] == f"    {COMPLETION}"
        code.browser.press("Control+z")
        assert code.saved("statistics.py").splitlines()[BODY] == "    "


def test_midfill_that_is_not_there_is_said_clearly(code_server: Start, nothing: Mapping[str, str]) -> None:
    with code_server(nothing) as code:
        message = eventually(lambda: " ".join(code.browser.texts(NOTIFICATION)), "a message")
        assert 'there is no program "midfill"' in message
        assert "pip install" in message
        code.browser.do("click", selector=f"{NOTIFICATION} .monaco-button:has-text('Open Settings')")
        eventually(lambda: "midfill.path" in "".join(code.browser.texts(SETTINGS_SEARCH)), "the setting")


def test_an_error_of_the_server_is_shown_with_its_cure(
    code_server: Start, scripted: Mapping[str, str]
) -> None:
    with code_server(scripted) as code:
        code.open_file("damaged.py", 1, 1)
        message = eventually(lambda: " ".join(code.browser.texts(NOTIFICATION)), "a message")
        assert "Midfill: The model file is damaged. Run midfill doctor." in message
        code.browser.do("click", selector=STATUS)
        eventually(lambda: code.browser.texts(OFF), "a click turns completion off")
        code.browser.do("click", selector=STATUS)
        eventually(lambda: not code.browser.texts(OFF), "and on again")


def test_the_shipped_model_completes(code_server: Start, midfill: Mapping[str, str], pictures: Path) -> None:
    with code_server(midfill) as code:
        open_body(code)
        ghost = settled(code.ghost, "ghost text")
        code.browser.do("screenshot", selector=None, path=str(pictures / "vscode.png"))
        code.browser.press("Tab")
        assert "".join(code.saved("statistics.py").splitlines()[BODY:]) == f"    {ghost}"
        code.browser.press("Control+z")
        assert code.saved("statistics.py").splitlines()[BODY:] == ["    "]
