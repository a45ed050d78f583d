"""`midfill-policy.toml`: what an organisation, a user or a project forbids.

    version = 1

    [forbid]
    paths = ["secret/", "*.hcl", "/srv/keys"]   # as in .gitignore, without "!"
    languages = ["sql"]

    [built-in]
    sql-format = "hide"                          # off, warn or hide

    [[pattern]]
    id = "internal-host"
    regex = '\\bcorp\\.example\\b'                 # RE2's syntax
    message = "This names a host of ours."
    action = "hide"                              # or warn
    languages = ["python"]                       # without it: all

Where a file cannot be understood the strictest reading applies: what may have been meant is forbidden.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsp_server.policy.dangerous import BUILT_IN
from lsp_server.policy.ignore_file import as_pattern
from lsp_server.policy.pattern import ACTIONS, ANYTHING, Action, Pattern
from lsp_server.policy.problem import Problem
from lsp_server.policy.regex import PatternError, compile_pattern
from lsp_server.policy.toml_lines import Field, line_of, name_of
from lsp_server.regular_file import NotReadError, read

NAME = "midfill-policy.toml"
MAX_BYTES = 64 * 1024
MAX_PATTERNS = 100
MAX_PATHS = 1000
_LINE = re.compile(r"at line (\d+)")
_IDS = tuple(pattern.id for pattern in BUILT_IN)
_CLOSED = "no completion is made"


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What one file says. `closed` tells why everything is forbidden; "" where it is not."""

    path: Path
    forbidden_paths: tuple[str, ...] = ()
    forbidden_languages: frozenset[str] = frozenset()
    built_in: tuple[tuple[str, Action], ...] = ()
    patterns: tuple[Pattern, ...] = ()
    closed: str = ""
    problems: tuple[Problem, ...] = ()


def read_policy(path: Path) -> PolicyFile | None:
    """The policy in a file; None where there is none. Never raises: one that cannot be read forbids
    everything."""
    try:
        data, _ = read(path, MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (NotReadError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return _unreadable(path, 1, f"it cannot be read ({reason}).")
    try:
        text = data.decode("utf-8-sig")
        values = tomllib.loads(text)
    except UnicodeDecodeError as error:
        return _unreadable(path, 1 + data.count(b"\n", 0, error.start), "it is not UTF-8.")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = _LINE.search(str(error))
        line = int(place[1]) if place is not None else 1 + data.rstrip().count(b"\n")
        return _unreadable(path, line, f"it is not TOML: {str(error) or 'nested too deeply'}.")
    return _Reader(path, text).policy(values)


def _unreadable(path: Path, line: int, message: str) -> PolicyFile:
    problem = Problem(path, line, "", message, _CLOSED)
    return PolicyFile(path, closed=f"{path}, line {line}: {message}", problems=(problem,))


@dataclass(slots=True)
class _Reader:
    """Goes through the values of one file and collects what is wrong."""

    path: Path
    text: str
    problems: list[Problem] = field(default_factory=list)
    closed: str = ""

    def policy(self, values: Mapping[str, Any]) -> PolicyFile:
        self._known((), values, ("version", "forbid", "built-in", "pattern"))
        if values.get("version", 1) != 1 or isinstance(values.get("version"), bool):
            self._close(
                ("version",), f"{_show(values['version'])} is not a version that this Midfill knows (1)."
            )
        forbid = self._table(("forbid",), values)
        self._known(("forbid",), forbid, ("paths", "languages"))
        return PolicyFile(
            self.path,
            tuple(self._paths(forbid)),
            frozenset(each.lower() for each in self._names(("forbid", "languages"), forbid)),
            tuple(self._built_in(self._table(("built-in",), values))),
            tuple(self._patterns(values)),
            self.closed,
            tuple(self.problems),
        )

    def _paths(self, forbid: Mapping[str, Any]) -> list[str]:
        paths = self._names(("forbid", "paths"), forbid)
        if len(paths) > MAX_PATHS:
            self._close(("forbid", "paths"), f"there are more than {MAX_PATHS} of them.")
            return []
        for number, path in enumerate(paths):
            try:
                wrong = (
                    ""
                    if as_pattern(path).include
                    else "it is no pattern that forbids anything (a comment, or '!')."
                )
            except ValueError as error:
                wrong = f"{_show(path)} is no pattern as in .gitignore: {error}."
            if wrong:
                self._close(("forbid", "paths", number), wrong)
        return [] if self.closed else paths

    def _names(self, where: Field, table: Mapping[str, Any]) -> list[str]:
        value = table.get(str(where[-1]), [])
        if isinstance(value, list) and all(isinstance(each, str) and each.strip() for each in value):
            return value
        self._close(where, f'use a list of texts such as ["a", "b"], not {_show(value)}.')
        return []

    def _built_in(self, table: Mapping[str, Any]) -> list[tuple[str, Action]]:
        found: list[tuple[str, Action]] = []
        for name, value in table.items():
            if name not in _IDS:
                hint = _hint(name, _IDS)
                self._tell(
                    ("built-in", name), f"there is no such pattern{hint}.", "every built-in pattern hides"
                )
                found += [(each, "hide") for each in _IDS]
            else:
                found.append((name, self._action(("built-in", name), value)))
        return found

    def _patterns(self, values: Mapping[str, Any]) -> list[Pattern]:
        tables = values.get("pattern", [])
        if not isinstance(tables, list) or not all(isinstance(each, Mapping) for each in tables):
            self._close(("pattern",), "write each pattern under a [[pattern]] of its own.")
            return []
        if len(tables) > MAX_PATTERNS:
            self._close(("pattern",), f"there are more than {MAX_PATTERNS} of them.")
            return []
        return [self._pattern(number, table) for number, table in enumerate(tables)]

    def _pattern(self, number: int, table: Mapping[str, Any]) -> Pattern:
        where: Field = ("pattern", number)
        for name in table:
            if name not in ("id", "regex", "message", "action", "languages"):
                hint = _hint(name, ("id", "regex", "message", "action", "languages"))
                self._tell((*where, name), f"there is no such field{hint}.", "the pattern applies without it")
        given = {name: self._word((*where, name), table) for name in ("id", "message")}
        regex, wrong = table.get("regex"), ""
        if not isinstance(regex, str) or not regex:
            wrong = "every pattern needs one, as a text."
        else:
            try:
                compile_pattern(regex)
            except PatternError as error:
                wrong = f"{_show(regex)} is no pattern for RE2: {error}."
        if wrong:
            self._tell(
                (*where, "regex"), wrong, "it matches every text, and nothing is shown where it applies"
            )
        action = self._action((*where, "action"), table.get("action", "hide"))
        languages = table.get("languages", [])
        if not isinstance(languages, list) or not all(isinstance(each, str) and each for each in languages):
            self._tell(
                (*where, "languages"), "use a list of language ids.", "the pattern applies to every language"
            )
            languages = []
        return Pattern(
            given["id"] or f"{self.path.name}:{number}",
            given["message"] or "A policy forbids this.",
            (ANYTHING if wrong else str(regex),),
            "hide" if wrong else action,
            frozenset(each.lower() for each in languages),
        )

    def _word(self, where: Field, table: Mapping[str, Any]) -> str:
        value = table.get(str(where[-1]))
        if isinstance(value, str) and value.strip() and len(value) <= 500 and value.isprintable():
            return value
        self._tell(
            where,
            "every pattern needs one, a line of at most 500 characters.",
            "the pattern applies without it",
        )
        return ""

    def _action(self, where: Field, value: object) -> Action:
        for action in ACTIONS:
            if action == value and (action != "off" or where[0] == "built-in"):
                return action
        self._tell(where, f'use "hide" or "warn", not {_show(value)}.', "the pattern hides")
        return "hide"

    def _table(self, where: Field, values: Mapping[str, Any]) -> Mapping[str, Any]:
        value = values.get(str(where[-1]), {})
        if isinstance(value, Mapping):
            return value
        self._close(where, f"this is a table, [{name_of(where)}], and not {_show(value)}.")
        return {}

    def _known(self, where: Field, table: Mapping[str, Any], names: tuple[str, ...]) -> None:
        for name in table:
            if name not in names:
                self._close((*where, name), f"there is no such field{_hint(name, names)}.")

    def _close(self, where: Field, message: str) -> None:
        """Nobody knows what it was to forbid: everything is."""
        self._tell(where, message, _CLOSED)
        self.closed = (
            self.closed or f"{self.path}, line {self.problems[-1].line}: {name_of(where)}: {message}"
        )

    def _tell(self, where: Field, message: str, effect: str) -> None:
        self.problems.append(Problem(self.path, line_of(self.text, where), name_of(where), message, effect))


def _hint(name: str, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
