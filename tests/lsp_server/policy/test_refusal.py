"""Which documents are refused, and why."""

from pathlib import Path

import pytest

from lsp_server.policy import Rules, excludes, refuses
from lsp_server.policy.refusal import place_of
from lsp_server.settings import Settings


def test_a_refusal_says_why() -> None:
    assert "midfill.enabled" in str(refuses("file:///a.py", "python", "", Settings(enabled=False)))
    settings = Settings(disabled_languages=("python",))
    assert "disabledLanguages" in str(refuses("file:///a.py", "python", "", settings))
    assert refuses("file:///a.go", "go", "", settings) is None


def test_what_a_midfillignore_names_is_refused_from_the_moment_on(tmp_path: Path) -> None:
    uri = (tmp_path / "src/a.py").as_uri()
    assert refuses(uri, "python", "", Settings()) is None
    (tmp_path / ".midfillignore").write_text("src/\n")
    assert "names it" in str(refuses(uri, "python", "", Settings()))
    (tmp_path / ".midfillignore").write_text("other/\n")
    assert refuses(uri, "python", "", Settings()) is None


def test_a_gitignore_keeps_no_open_document_from_completion(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.py\n")
    assert refuses((tmp_path / "a.py").as_uri(), "python", "", Settings()) is None


def test_a_link_is_refused_where_what_it_leads_to_is(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed/.midfillignore").write_text("*\n")
    (tmp_path / "closed/a.py").write_text("x = 1\n")
    (tmp_path / "open.py").symlink_to("closed/a.py")
    assert excludes((tmp_path / "open.py").as_uri(), "python", Rules()) is not None


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "", "x", "file:///a%00b", "file:", "https://[bad"])
def test_what_has_no_place_is_not_refused_for_it(uri: str) -> None:
    assert place_of(uri) is None
    assert refuses(uri, "python", "", Settings()) is None


def test_half_a_surrogate_pair_in_a_name_does_no_harm() -> None:
    assert refuses("file:///p/\ud800.py", "python", "", Settings()) is None


@pytest.mark.parametrize("scheme", ["file", "vscode-notebook-cell", "vscode-vfs"])
def test_a_document_of_any_scheme_has_its_files_place(tmp_path: Path, scheme: str) -> None:
    (tmp_path / ".midfillignore").write_text("*.ipynb\n")
    uri = f"{scheme}://{tmp_path}/a.ipynb" + ("#cell" if "cell" in scheme else "")
    assert refuses(uri, "python", "", Settings()) is not None
