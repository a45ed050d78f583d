"""All policies that apply, as one: what any of them forbids is forbidden."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from pathspec import GitIgnoreSpec

from lsp_server.policy.dangerous import BUILT_IN
from lsp_server.policy.ignore_file import as_pattern, spec_of
from lsp_server.policy.pattern import Action, Finding, Pattern, strictest
from lsp_server.policy.policy_file import PolicyFile
from lsp_server.policy.problem import Problem
from lsp_server.syntax.languages import canonical


@dataclass(frozen=True, slots=True)
class ForbiddenPaths:
    """Patterns of one policy, each seen from `base`; `source` is the policy's file."""

    base: Path
    patterns: tuple[str, ...]
    source: Path

    def name(self, path: Path) -> bool:
        """Whether they name a file, or a folder around it."""
        try:
            relative = path.relative_to(self.base).as_posix()
        except ValueError:
            return False
        spec = _spec(self.patterns)
        return spec is not None and bool(spec.check_file(relative).include)


@dataclass(frozen=True, slots=True)
class Rules:
    """Made by `merged`; the rules of nobody are the built-in ones. Compared by value, and never changed."""

    paths: tuple[ForbiddenPaths, ...] = ()
    languages: frozenset[str] = frozenset()
    patterns: tuple[Pattern, ...] = BUILT_IN
    closed: str = ""
    problems: tuple[Problem, ...] = ()

    def forbid(self, path: Path | None, language: str) -> str | None:
        """Why nothing may be read of a document, or completed in it; None where it may."""
        if self.closed:
            return self.closed
        if canonical(language) in self.languages:
            return f"a policy forbids the language {language}"
        if path is not None and self.paths:
            real = Path(os.path.realpath(path))
            for each in self.paths:
                if each.name(path) or (real != path and each.name(real)):
                    return f"{each.source} forbids this path"
        return None

    def findings(self, before: str, text: str, after: str, language: str) -> Iterator[Finding]:
        """The patterns that are found in `text` where it stands between two others, none that is off."""
        for pattern in self.patterns:
            if pattern.action != "off" and (at := pattern.find(before, text, after, language)) is not None:
                yield Finding(pattern, at)


BUILT_IN_RULES = Rules()
"""Where there is no policy."""


def merged(policies: Iterable[tuple[PolicyFile, Path | None]]) -> Rules:
    """Several policies as one. With each the folder that its paths are seen from; None: they may lie
    anywhere."""
    files = list(policies)
    actions: dict[str, list[Action]] = {}
    for file, _ in files:
        for name, action in file.built_in:
            actions.setdefault(name, []).append(action)
    return Rules(
        tuple(_forbidden(file, base) for file, base in files if file.forbidden_paths),
        frozenset(canonical(each) for file, _ in files for each in file.forbidden_languages),
        (
            *(replace(each, action=strictest(actions.get(each.id, []), each.action)) for each in BUILT_IN),
            *(pattern for file, _ in files for pattern in file.patterns),
        ),
        next((file.closed for file, _ in files if file.closed), ""),
        tuple(problem for file, _ in files for problem in file.problems),
    )


def _forbidden(file: PolicyFile, base: Path | None) -> ForbiddenPaths:
    if base is not None:
        return ForbiddenPaths(base, file.forbidden_paths, file.path)
    return ForbiddenPaths(Path("/"), tuple(map(_anywhere, file.forbidden_paths)), file.path)


def _anywhere(pattern: str) -> str:
    """A slash in the middle ties a pattern to its file's folder, which says nothing in a policy for the whole
    machine: there only one at the beginning does, to the root."""
    if pattern.startswith("~/"):
        return str(Path("~").expanduser()) + pattern[1:]
    return pattern if pattern.startswith("/") or "/" not in pattern.rstrip("/") else f"**/{pattern}"


@lru_cache(64)
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec | None:
    return spec_of([as_pattern(pattern) for pattern in patterns])
