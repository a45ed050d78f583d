"""A trace as JSON: for a person or a program that wants to know why."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from lsp_server.policy.secret_files import path_in
from lsp_server.why.trace import Trace


def explain(trace: Trace, with_text: bool = False) -> dict[str, Any]:
    """All that is known of a request. Without its text there are no words of any file in it: sizes and
    times, the names of files, and which gate objected."""
    done, error = trace.done, trace.error
    found: dict[str, Any] = {
        "number": trace.number,
        "at": round(trace.began_at, 3),
        "file": PurePosixPath(path_in(trace.uri)).name,
        "offset": trace.asked.offset if trace.asked is not None else None,
        "language": trace.asked.snapshot.language if trace.asked is not None else None,
        "stages": _stages(trace),
        "source": trace.source or None,
        "snippets": [_sized(each.path, each.text, with_text) for each in trace.snippets],
        "worker": None if done is None else {"stopReason": done.stop_reason, **asdict(done.statistics)},
        "error": None if error is None else error.code,
        "candidates": trace.candidates,
        "objections": [
            {"gate": each.gate, "at": each.at, **({"to": each.text} if with_text else {})}
            for each in trace.verdicts
        ],
        "shown": dict(zip(("characters", "lines"), trace.size, strict=True)),
        "silence": trace.silence or None,
    }
    if with_text:
        found["uri"] = trace.uri
        found["shown"]["text"] = trace.shown
        found["generated"] = "".join(piece for piece, _ in trace.chunks)
    return found


def _stages(trace: Trace) -> list[dict[str, Any]]:
    before, stages = trace.began_s, []
    for name, end_s in trace.stages:
        stages.append({"stage": name, "ms": round((end_s - before) * 1e3, 3)})
        before = end_s
    return stages


def _sized(path: str, text: str, with_text: bool) -> dict[str, Any]:
    return {"path": path, "characters": len(text), **({"text": text} if with_text else {})}
