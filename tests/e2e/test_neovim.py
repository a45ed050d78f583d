"""Neovim 0.12 with the plugin."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.e2e.browser import Browser
from tests.e2e.deadline import eventually
from tests.e2e.neovim import Neovim
from tests.e2e.scripted_server import COMPLETION

pytestmark = pytest.mark.editors

BODY = 10  # index of the line after conftest.STATISTICS, whose last function has no body

STATE = "return (require('midfill').status() or {}).state"
APPLY = """
local title = ...
vim.lsp.buf.code_action({ apply = true, filter = function(action) return action.title == title end })
"""

AREA_LINE, PERIMETER_LINE = 4, 8  # of conftest.SHAPES

CLIENT = "vim.lsp.get_clients({ name = 'midfill' })[1]"

Start = Callable[..., Neovim]


def open_body(nvim: Neovim, state: str | None = None) -> None:
    """Opens a new line under the docstring of mean(), as a user does who goes on to write its body; where a
    state is named, once the worker is in it."""
    nvim.call("nvim_command", "edit statistics.py")
    eventually(lambda: nvim.lua(f"return {CLIENT} ~= nil"), "the server is attached")
    if state is not None:
        eventually(lambda: nvim.lua(STATE) == state, f"the worker is {state}")
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


def test_commands_turn_completion_off_and_on_and_restart_the_server(
    neovim: Start, scripted: Mapping[str, str]
) -> None:
    with neovim(scripted) as nvim:
        open_body(nvim)
        eventually(nvim.ghost, "ghost text")
        nvim.press("<Cmd>Midfill toggle<CR>")
        eventually(lambda: not nvim.ghost(), "it is gone")
        nvim.press("<Cmd>Midfill toggle<CR><Space><BS>")
        eventually(nvim.ghost, "it is back")
        before = nvim.lua(f"return {CLIENT}.id")
        nvim.press("<Cmd>Midfill restart<CR>")
        eventually(lambda: nvim.lua(f"return ({CLIENT} or {{ id = {before} }}).id") != before, "a new server")


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


def test_the_shipped_model_completes(
    neovim: Start, midfill: Mapping[str, str], browser: Browser, pictures: Path
) -> None:
    with neovim(midfill) as nvim:
        open_body(nvim, "ready")
        ghost = eventually(nvim.ghost, "ghost text")
        browser.picture_of_html(nvim.screen.to_html(), pictures / "neovim.png")
        nvim.press("<Tab>")
        eventually(lambda: "\n".join(nvim.lines()[BODY:]) == f"    {ghost}", "the text is in the buffer")
        nvim.press("<Esc>u")
        eventually(lambda: nvim.lines()[BODY:] == ["    "], "undo takes it back")


def apply_action(nvim: Neovim, title: str, line: int) -> ast.Module:
    """Applies a code action of shapes.py at a line, and takes it back. Gives the module as it was between."""
    nvim.call("nvim_command", f"edit +{line} shapes.py")
    eventually(lambda: nvim.lua(STATE) == "ready", "the worker is ready")
    before = nvim.lines()
    nvim.lua(APPLY, title)
    after = eventually(lambda: (lines := nvim.lines()) != before and lines, f"{title} is applied")
    nvim.press("u")
    eventually(lambda: nvim.lines() == before, "undo takes it back")
    return ast.parse("\n".join(after))


def test_a_body_by_the_shipped_model_is_applied_and_undone(neovim: Start, midfill: Mapping[str, str]) -> None:
    with neovim(midfill) as nvim:
        module = apply_action(nvim, "Complete this body", PERIMETER_LINE)
    function = module.body[-1]
    assert isinstance(function, ast.FunctionDef)
    assert function.name == "perimeter"
    assert ast.get_docstring(function), "it stays"
    assert len(function.body) > 1
    assert not any(isinstance(node, ast.Pass) for node in ast.walk(function))


def test_a_docstring_is_applied_and_undone(
    neovim: Start, midfill: Mapping[str, str], make_scripted_model: Callable[[str], Path]
) -> None:
    """By a model that always writes the same: the shipped one has no docstring for every function."""
    model = make_scripted_model("Return the area.")
    with neovim(midfill, f"{{ model = '{model}', privateWorker = true }}") as nvim:
        module = apply_action(nvim, "Add docstring", AREA_LINE)
    function = module.body[1]
    assert isinstance(function, ast.FunctionDef)
    assert function.name == "area"
    assert ast.get_docstring(function) == "Return the area."
