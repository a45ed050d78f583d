"""What a user can set: frozen, validated once, and each error names the setting and how to mend it."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.transport import PRECISIONS
from lsp_server.policy.rules import BUILT_IN_RULES, Rules

SECTION = "midfill"
EAGERNESS = ("calm", "balanced", "eager")
STAGES = (
    "deletion", "popup", "complete-line", "delay", "prime", "confidence", "deadline", "copy",
)  # fmt: skip
"""Of a completion; the experimental setting `midfill.stages` switches them off, for measurements."""
MAX_TOKENS_LIMIT = 512


@dataclass(frozen=True, slots=True)
class Settings:
    """The section `midfill` of an editor's configuration.

        Settings(max_tokens=128, disabled_languages=("markdown",))

    `model` is a path, or "" for the model that ships. `private_worker` starts a worker that no other window
    shares. `reuse` shows what earlier requests brought where it still fits; `prefetch` has the model go on
    from a completion that is shown, as if it had been accepted. `precision`, of the weights on a CPU, is one
    of PRECISIONS. `workspace_index` reads the workspace in the background, and shows the model the
    definitions behind the names near the cursor; `context` shows it what open files and recent edits say.
    `eagerness`, one of EAGERNESS, says how sure a text has to be to be shown, and how good a moment to ask
    for one. `without` are STAGES that are switched off. `rules` are no setting but what policies forbid; the
    session keeps them up to date.
    """

    enabled: bool = True
    model: str = ""
    max_tokens: int = 64
    multiline: bool = True
    disabled_languages: tuple[str, ...] = ()
    private_worker: bool = False
    reuse: bool = True
    prefetch: bool = True
    precision: str = "auto"
    workspace_index: bool = False
    context: bool = True
    eagerness: str = "balanced"
    without: tuple[str, ...] = ()
    rules: Rules = BUILT_IN_RULES

    def has(self, stage: str) -> bool:
        """Whether a stage is switched on."""
        return stage not in self.without

    def merged(self, section: object) -> tuple[Settings, tuple[str, ...]]:
        """These settings with those of a JSON object laid over them.

        Returns the settings and one sentence per value that was refused; a refused value changes nothing.
        `null`, which editors send for a setting that was never made, changes nothing either.
        """
        if section is None:
            return self, ()
        if not isinstance(section, Mapping):
            return self, (f"{SECTION} must be an object of settings, not {_show(section)}.",)
        accepted: dict[str, Any] = {}
        problems: list[str] = []
        for name, value in section.items():
            field = _FIELDS.get(str(name))
            if field is None:
                problems.append(_unknown(str(name)))
            elif value is not None:
                try:
                    accepted[field] = _PARSERS[name](value)
                except _RefusedError as refused:
                    problems.append(f"{SECTION}.{name} is {_show(value)}: use {refused}.")
        return dataclasses.replace(self, **accepted), tuple(problems)


class _RefusedError(Exception):
    """Says what would have been right."""


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise _RefusedError("true or false")
    return value


def _model(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise _RefusedError('the path of a model folder or a GGUF file, or "" for the model that ships')
    return value


def _max_tokens(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_TOKENS_LIMIT:
        raise _RefusedError(f"a whole number from 1 to {MAX_TOKENS_LIMIT}")
    return value


def _languages(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
        raise _RefusedError('a list of language ids such as ["markdown", "plaintext"]')
    return tuple(value)


def _precision(value: object) -> str:
    if value not in PRECISIONS:
        raise _RefusedError(f"one of {', '.join(PRECISIONS)}")
    return str(value)


def _eagerness(value: object) -> str:
    if value not in EAGERNESS:
        raise _RefusedError(f"one of {', '.join(EAGERNESS)}")
    return str(value)


def _stages(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(entry in STAGES for entry in value):
        raise _RefusedError(f"a list of {', '.join(STAGES)}, to switch them off")
    return tuple(value)


_FIELDS = {
    "enabled": "enabled",
    "model": "model",
    "maxTokens": "max_tokens",
    "multiline": "multiline",
    "disabledLanguages": "disabled_languages",
    "privateWorker": "private_worker",
    "reuse": "reuse",
    "prefetch": "prefetch",
    "precision": "precision",
    "workspaceIndex": "workspace_index",
    "context": "context",
    "eagerness": "eagerness",
    "stages": "without",
}

_PARSERS = {
    "enabled": _boolean,
    "model": _model,
    "maxTokens": _max_tokens,
    "multiline": _boolean,
    "disabledLanguages": _languages,
    "privateWorker": _boolean,
    "reuse": _boolean,
    "prefetch": _boolean,
    "precision": _precision,
    "workspaceIndex": _boolean,
    "context": _boolean,
    "eagerness": _eagerness,
    "stages": _stages,
}


RESTRICTED = {"model": "model", "privateWorker": "private_worker", "workspaceIndex": "workspace_index"}
"""Settings that name files, start processes or have files read: a workspace that is not trusted cannot make
them."""


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, _FIELDS, n=1)
    hint = f"did you mean {SECTION}.{close[0]}?" if close else f"the settings are {', '.join(_FIELDS)}."
    return f"{SECTION}.{name[:40]} is not a setting: {hint}"


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
