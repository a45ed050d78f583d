"""`midfill/explain`: what the last requests went through, without the words of any file unless asked for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from lsp_server.why.explain import explain as told
from lsp_server.why.replay import ReplayError, dumps, replay_of
from lsp_server.why.ring import NUM_TRACES

if TYPE_CHECKING:
    from lsp_server.session import Session

METHOD = "midfill/explain"


def explain(session: Session, params: object) -> dict[str, Any]:
    """`{"count", "text", "replay"}`, all optional → `{"requests": [...]}`, newest first.

    `replay` is the number of a request: with it comes `{"replay": TEXT}`, or `{"error": WHY}`.
    """
    asked: Mapping[str, Any] = params if isinstance(params, Mapping) else _fields(params)
    number = asked.get("replay")
    if number is not None:
        trace = session.ring.find(number) if isinstance(number, int) else None
        if trace is None:
            return {"error": "this request is forgotten, or never was"}
        try:
            return {"replay": dumps(replay_of(trace))}
        except ReplayError as error:
            return {"error": str(error)}
    count = asked.get("count")
    count = count if isinstance(count, int) and 0 < count <= NUM_TRACES else 1
    with_text = asked.get("text") is True
    return {"requests": [told(trace, with_text) for trace in islice(session.ring, count)]}


def _fields(params: object) -> Mapping[str, Any]:
    """pygls makes an object of the params of methods that it does not know."""
    names = ("count", "text", "replay")
    return {name: getattr(params, name) for name in names if hasattr(params, name)}
