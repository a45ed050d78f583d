"""midfill-policy.toml: what it may say, and the strictest reading of what it may not."""

from pathlib import Path

import pytest

from lsp_server.policy.dangerous import BUILT_IN
from lsp_server.policy.policy_file import MAX_BYTES, NAME, PolicyFile, read_policy

WHOLE = """\
version = 1

[forbid]
paths = ["secret/", "*.hcl"]
languages = ["SQL"]

[built-in]
sql-format = "hide"
tls-off = "off"

[[pattern]]
id = "internal-host"
regex = '\\bcorp\\.example\\b'
message = "This names a host of ours."
action = "warn"
languages = ["python"]

[[pattern]]
id = "todo"
regex = "TODO"
message = "No."
"""


def written(tmp_path: Path, text: str | bytes) -> PolicyFile:
    path = tmp_path / NAME
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    policy = read_policy(path)
    assert policy is not None
    return policy


def test_all_that_a_policy_says(tmp_path: Path) -> None:
    policy = written(tmp_path, WHOLE)
    assert policy.problems == () and policy.closed == ""
    assert policy.forbidden_paths == ("secret/", "*.hcl")
    assert policy.forbidden_languages == {"sql"}
    assert policy.built_in == (("sql-format", "hide"), ("tls-off", "off"))
    host, todo = policy.patterns
    assert (host.id, host.action, host.languages) == ("internal-host", "warn", {"python"})
    assert (todo.id, todo.action, todo.languages) == ("todo", "hide", frozenset())
    assert host.find("a = '", "corp.example", "'", "python") == 0
    assert host.find("a = '", "corp.example", "'", "go") is None


def test_no_file_and_an_empty_one_forbid_nothing(tmp_path: Path) -> None:
    assert read_policy(tmp_path / NAME) is None
    assert written(tmp_path, "") == PolicyFile(tmp_path / NAME)


# text, line, field: in each of them nothing may be completed until it is mended.
CLOSED = [
    ("[forbid\npaths = []", 1, ""),
    ("version = 1\n[forbid]\npaths = [\n", 3, ""),
    ("a = 1\na = 2", 2, ""),
    (b"version = 1\n# \xff\n", 2, ""),
    ("x" * (MAX_BYTES + 1), 1, ""),
    ("a = " + "[" * 5000, 1, ""),
    ("version = 2", 1, "version"),
    ("version = true", 1, "version"),
    ("\n\n[forbidden]\npaths = []", 3, "forbidden"),
    ("[forbid]\n# which\nfiles = ['a']", 3, "forbid.files"),
    ("[forbid]\nlanguages = []\npaths = 'secret/'", 3, "forbid.paths"),
    ("[forbid]\npaths = ['a', 3]", 2, "forbid.paths"),
    ("[forbid]\npaths = ['']", 2, "forbid.paths"),
    ("[forbid]\npaths = [\n  'a',\n  '!b',\n]", 2, "forbid.paths[1]"),
    ("[forbid]\npaths = ['[z-a]']", 2, "forbid.paths[0]"),
    ("[forbid]\nlanguages = 'sql'", 2, "forbid.languages"),
    ("forbid = 3", 1, "forbid"),
    ("[forbid]\npaths = [" + ",".join(["'a'"] * 1001) + "]", 2, "forbid.paths"),
    ("[pattern]\nid = 'a'", 1, "pattern"),
    ("forbid.path = ['a']", 1, "forbid.path"),
]


@pytest.mark.parametrize(("text", "line", "field"), CLOSED)
def test_what_cannot_be_read_forbids_everything(
    tmp_path: Path, text: str | bytes, line: int, field: str
) -> None:
    policy = written(tmp_path, text)
    problem = policy.problems[0]
    assert (problem.line, problem.field) == (line, field)
    assert f"{NAME}, line {line}" in policy.closed
    assert "no completion is made" in str(problem)


PATTERN = "[[pattern]]\nid = 'a'\nregex = 'b'\nmessage = 'c'\n"


@pytest.mark.parametrize(
    ("change", "line", "field"),
    [
        ("regex = '('", 3, "pattern[0].regex"),
        ("regex = '(?=b)'", 3, "pattern[0].regex"),  # RE2 has no look-ahead
        ("regex = '(b)\\1'", 3, "pattern[0].regex"),
        (f"regex = '{'b' * 1001}'", 3, "pattern[0].regex"),
        ("regex = 3", 3, "pattern[0].regex"),
        ("regex = ''", 3, "pattern[0].regex"),
        ("", 1, "pattern[0].regex"),
    ],
)
def test_a_pattern_that_cannot_be_read_matches_everything(
    tmp_path: Path, change: str, line: int, field: str
) -> None:
    policy = written(tmp_path, PATTERN.replace("regex = 'b'", change) + "action = 'warn'\n")
    [problem] = policy.problems
    assert (problem.line, problem.field) == (line, field)
    [pattern] = policy.patterns
    assert pattern.action == "hide"
    assert pattern.find("", "anything", "", "go") == 0


@pytest.mark.parametrize("action", ["'deny'", "'off'", "3", "['hide']"])
def test_an_action_that_is_none_hides(tmp_path: Path, action: str) -> None:
    policy = written(tmp_path, "# us\n" + PATTERN + f"action = {action}\n")
    [problem] = policy.problems
    assert (problem.line, problem.field) == (6, "pattern[0].action")
    assert policy.patterns[0].action == "hide"


def test_what_would_narrow_a_pattern_and_cannot_be_read_does_not(tmp_path: Path) -> None:
    policy = written(tmp_path, PATTERN + "langauges = ['go']\n" + PATTERN + "languages = 'go'\n")
    assert [(each.line, each.field) for each in policy.problems] == [
        (5, "pattern[0].langauges"),
        (10, "pattern[1].languages"),
    ]
    assert "did you mean languages?" in policy.problems[0].message
    assert [pattern.find("", "b", "", "c") for pattern in policy.patterns] == [0, 0]


def test_a_pattern_without_a_name_applies(tmp_path: Path) -> None:
    policy = written(tmp_path, "[[pattern]]\nregex = 'b'\n")
    assert [each.field for each in policy.problems] == ["pattern[0].id", "pattern[0].message"]
    assert policy.patterns[0].find("", "b", "", "c") == 0
    assert policy.patterns[0].id and policy.patterns[0].message


def test_the_name_of_no_built_in_pattern_has_all_of_them_hide(tmp_path: Path) -> None:
    policy = written(tmp_path, "[built-in]\ntls_off = 'warn'\n")
    [problem] = policy.problems
    assert (problem.line, problem.field) == (2, "built-in.tls_off")
    assert "did you mean tls-off?" in problem.message
    assert dict(policy.built_in) == {pattern.id: "hide" for pattern in BUILT_IN}


def test_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("version = 1\n")
    (tmp_path / NAME).symlink_to("other.toml")
    policy = read_policy(tmp_path / NAME)
    assert policy is not None and "a symbolic link" in policy.closed


@pytest.mark.parametrize("regex", ["(a+)+$", "(a|aa)+$", "(.*)*x", "a{0,30}a{0,30}b", "([a-z]+)*1"])
def test_no_pattern_takes_for_ever(tmp_path: Path, regex: str) -> None:
    """With Python's `re` the first of these would run for longer than the universe has."""
    policy = written(tmp_path, PATTERN.replace("'b'", f"'{regex}'"))
    assert policy.problems == ()
    assert policy.patterns[0].find("", "a" * 5000 + "!", "", "c") in (None, 0)
