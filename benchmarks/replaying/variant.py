"""Midfill as it ships, and with stages switched off: what the ablation compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lsp_server import settings

# Booleans among the settings that switch a stage, by the name in the protocol.
SWITCHES = {"reuse": "reuse", "prefetch": "prefetch", "workspaceIndex": "workspace_index"}
TRIMMING = ("trim", "trimming")


@dataclass(frozen=True, slots=True)
class Variant:
    """`settings` are those that differ from the defaults."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


SHIPPED = Variant("as shipped")


def stage_names() -> tuple[str, ...]:
    """The stages that the setting `stages` can switch off, as the server lists them; none without it."""
    return tuple(getattr(settings, "STAGES", ()))


def degrees() -> tuple[str, ...]:
    """The values of the setting `eagerness` but for the default; none without it."""
    default = settings.Settings()
    return tuple(
        each
        for each in getattr(settings, "EAGERNESS", ())
        if default.merged({"eagerness": each})[0] != default
    )


def variants(stages: tuple[str, ...] | None = None) -> list[Variant]:
    """As shipped; with each stage switched off in turn, or on where it ships switched off; calmer, and more
    eager; and two with next to nothing: `plain` is the text around the cursor, trimmed, and `bare` is not
    even trimmed.

    `stages` are the server's unless given.
    """
    names = stage_names() if stages is None else stages
    defaults = settings.Settings()
    found = [SHIPPED]
    for name, attribute in SWITCHES.items():
        is_on = getattr(defaults, attribute)
        if name not in names:
            found.append(Variant(f"{'no' if is_on else 'with'} {name}", {name: not is_on}))
    found += [Variant(f"no {name}", {"stages": [name]}) for name in names]
    found += [Variant(name, {"eagerness": name}) for name in degrees()]
    nothing = dict.fromkeys(SWITCHES, False)
    if names:
        kept = [name for name in names if name not in TRIMMING]
        found.append(Variant("plain", {**nothing, "stages": kept}))
        if len(kept) < len(names):
            found.append(Variant("bare", {**nothing, "stages": list(names)}))
    else:
        found.append(Variant("plain", nothing))
    return found
