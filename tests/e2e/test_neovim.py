"""Neovim 0.12 with the plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.e2e.browser import Browser
from tests.e2e.deadline import eventually
from tests.e2e.neovim import Neovim
from tests.e2e.scripted_server import COMPLETION

pytestmark = pytest.mark.editors

BODY = 10  # index of the line after conftest.STATISTICS, whose last function has no body

CLIENT = "vim.lsp.get_clients({ name = 'midfill' })[1]"

Start = Callable[[Mapping[str, str]], Neovim]


def open_body(nvim: Neovim) -> None:
    """Opens a new line under the docstring of mean(), as a user does who goes on to write its body."""
    nvim.call("nvim_command", "edit statistics.py")
    eventually(lambda: nvim.lua(f"return {CLIENT} ~= nil"), "the server is attached")
    nvim.press("Go")


def test_ghost_text_is_accepted_and_undone(neovim: Start, scripted: Mapping[str, str]) -> None:
    with neovim(scripted) as nvim:
        open_body(nvim)
        assert eventually(nvim.ghost, "ghost text") == COMPLETION
        nvim.press("<Tab>")
        eventually(lambda: nvim.lines()[BODY] == f"    {COMPLETION}", "the text is in the buffer")
        nvim.press("<Esc>u")
        eventually(lambda: nvim.lines()[BODY] == "    ", "undo takes it back")


def test_tab_is_a_tab_where_there_is_no_ghost_text(neovim: Start, scripted: Mapping[str, str]) -> None:
    with neovim(scripted) as nvim:
        nvim.call("nvim_command", "edit statistics.py")
        eventually(lambda: nvim.lua("return require('midfill').status() ~= nil"), "the server's status")
        nvim.press("gg0i<Tab><Esc>")
        eventually(lambda: nvim.lines()[0].lstrip() == '"""Small statistics."""', "the line has moved")
        assert nvim.lines()[0] != '"""Small statistics."""'


def test_what_was_typed_of_the_ghost_text_is_not_inserted_again(
    neovim: Start, scripted: Mapping[str, str]
) -> None:
    with neovim(scripted) as nvim:
        open_body(nvim)
        eventually(nvim.ghost, "ghost text")
        nvim.press("ret<Tab>")  # faster than the next request
        eventually(lambda: nvim.lines()[BODY] == f"    {COMPLETION}", "the text once")
        nvim.press("<Esc>u")
        eventually(lambda: nvim.lines()[BODY] == "    ret", "undo leaves what was typed")


def test_an_error_of_the_server_is_shown_with_its_cure(neovim: Start, scripted: Mapping[str, str]) -> None:
    with neovim(scripted) as nvim:
        nvim.call("nvim_command", "edit damaged.py")
        eventually(lambda: "error" in nvim.lua("return require('midfill').statusline()"), "the status")
        messages = nvim.call("nvim_exec2", "messages", {"output": True})["output"]
        assert "The model file is damaged. Run midfill doctor." in messages


def test_checkhealth_names_the_missing_program(neovim: Start, nothing: Mapping[str, str]) -> None:
    with neovim(nothing) as nvim:
        nvim.call("nvim_command", "checkhealth midfill")
        report = "\n".join(nvim.lines())
        assert 'there is no program "midfill"' in report
        assert "pip install" in report


def test_checkhealth_is_content_with_a_running_server(neovim: Start, scripted: Mapping[str, str]) -> None:
    with neovim(scripted) as nvim:
        open_body(nvim)
        eventually(lambda: nvim.lua("return require('midfill').status() ~= nil"), "the server's status")
        nvim.press("<Esc>")
        nvim.call("nvim_command", "checkhealth midfill")
        report = "\n".join(nvim.lines())
        assert "all is scripted" in report
        assert "ready: scripted paper" in report
        assert "ERROR" not in report


def test_picture(neovim: Start, scripted: Mapping[str, str], browser: Browser, pictures: Path) -> None:
    with neovim(scripted) as nvim:
        open_body(nvim)
        eventually(nvim.ghost, "ghost text")
        browser.picture_of_html(nvim.screen.to_html(), pictures / "neovim.png")
