"""The policies that apply, and the strictest of all."""

from pathlib import Path

import pytest

from lsp_server.policy import policies, rules_for
from lsp_server.policy.policy_file import NAME


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("etc", "config/midfill", "project", "other"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(policies, "SYSTEM", tmp_path / "etc")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_without_a_policy_only_the_built_in_patterns_hold(tmp_path: Path) -> None:
    rules = rules_for((tmp_path / "project",))
    assert rules.forbid(tmp_path / "project/a.sql", "sql") is None
    assert rules.problems == ()


@pytest.mark.parametrize("place", ["etc", "config/midfill", "project", "other"])
def test_what_one_of_them_forbids_is_forbidden(tmp_path: Path, place: str) -> None:
    folders = (tmp_path / "project", tmp_path / "other")
    (tmp_path / place / NAME).write_text("[forbid]\nlanguages = ['sql', 'typescriptreact']\n")
    assert "language sql" in str(rules_for(folders).forbid(None, "sql"))
    assert rules_for(folders).forbid(None, "tsx") is not None
    assert rules_for(folders).forbid(None, "python") is None


@pytest.mark.parametrize(
    ("mine", "theirs", "strictest"),
    [("warn", "hide", "hide"), ("hide", "off", "hide"), ("off", "warn", "warn"), ("off", "off", "off")],
)
def test_the_strictest_action_counts(tmp_path: Path, mine: str, theirs: str, strictest: str) -> None:
    (tmp_path / "etc" / NAME).write_text(f"[built-in]\ntls-off = '{theirs}'\n")
    (tmp_path / "config/midfill" / NAME).write_text(f"[built-in]\ntls-off = '{mine}'\n")
    [pattern] = [each for each in rules_for(()).patterns if each.id == "tls-off"]
    assert pattern.action == strictest


def test_paths_are_seen_from_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "project" / NAME).write_text("[forbid]\npaths = ['keys/', '/a/b.py', '*.hcl', 'c/d.py']\n")
    project = tmp_path / "project"
    rules = rules_for((project,))
    for path in ("keys/a.py", "x/keys/a.py", "a/b.py", "x/y.hcl", "c/d.py"):
        assert "forbids this path" in str(rules.forbid(project / path, "python")), path
    for path in ("keys.py", "x/a/b.py", "x/c/d.py", "../other/keys/a.py"):
        assert rules.forbid(Path(tmp_path / "project" / path).resolve(), "python") is None, path


def test_paths_of_the_whole_machine_may_lie_anywhere(tmp_path: Path) -> None:
    home = Path("~").expanduser()
    (tmp_path / "etc" / NAME).write_text("[forbid]\npaths = ['c/d.py', '/srv/keys', '~/private/']\n")
    rules = rules_for(())
    for path in ("/x/y/c/d.py", "/srv/keys/a.py", f"{home}/private/a.py"):
        assert rules.forbid(Path(path), "python") is not None, path
    assert rules.forbid(Path("/x/srv/keys/a.py"), "python") is None


def test_a_change_is_heard_at_the_next_question(tmp_path: Path) -> None:
    path = tmp_path / "project" / NAME
    folders = (tmp_path / "project",)
    assert rules_for(folders).closed == ""
    path.write_text("not toml")
    assert rules_for(folders).closed
    path.write_text("[forbid]\nlanguages = ['go']\n")
    assert rules_for(folders).closed == "" and rules_for(folders).forbid(None, "go")
    path.unlink()
    assert rules_for(folders).forbid(None, "go") is None
    assert rules_for(folders) is rules_for(folders)


def test_one_that_cannot_be_read_closes_all_whatever_the_others_say(tmp_path: Path) -> None:
    (tmp_path / "etc" / NAME).write_text("[forbid]\nlanguages = []\n")
    (tmp_path / "project" / NAME).mkdir()
    rules = rules_for((tmp_path / "project",))
    assert "not a regular file" in str(rules.forbid(tmp_path / "project/a.py", "python"))
    assert "no completion is made" in str(rules.problems[0])
