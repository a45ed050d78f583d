"""The real VS Code with the extension installed from its .vsix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.e2e.code_server import NOTIFICATION, CodeServer
from tests.e2e.deadline import eventually
from tests.e2e.scripted_server import COMPLETION, PIECES

pytestmark = pytest.mark.editors

BODY_LINE = 11  # of conftest.STATISTICS: the empty body of mean()

Start = Callable[[Mapping[str, str]], CodeServer]


def ask(code: CodeServer) -> None:
    """Stands in the empty body and asks for a completion."""
    code.open_file("statistics.py", BODY_LINE, 5)
    eventually(lambda: code.status().strip() == "Midfill", "the status is ready")
    code.browser.press("Alt+\\")


def test_scripted_ghost_text_grows_and_is_accepted_and_undone(
    code_server: Start, scripted: Mapping[str, str]
) -> None:
    with code_server(scripted) as code:
        ask(code)
        seen = {code.ghost()}
        while COMPLETION not in seen:
            seen.add(eventually(code.ghost, f"ghost text after {seen}"))
        assert {*PIECES[:-1]} <= seen <= {"", *PIECES}
        code.browser.press("Tab")
        assert code.saved("statistics.py").splitlines()[BODY_LINE - 1] == f"    {COMPLETION}"
        code.browser.press("Control+z")
        assert code.saved("statistics.py").splitlines()[BODY_LINE - 1] == "    "


def test_midfill_that_is_not_there_is_said_clearly(code_server: Start, nothing: Mapping[str, str]) -> None:
    with code_server(nothing) as code:
        message = eventually(lambda: " ".join(code.browser.texts(NOTIFICATION)), "a message")
        assert 'there is no program "midfill"' in message
        assert "pip install" in message
        code.browser.do("click", selector=f"{NOTIFICATION} .monaco-button:has-text('Open Settings')")
        eventually(
            lambda: any("Path" in text for text in code.browser.texts(".setting-item-label")), "the setting"
        )
