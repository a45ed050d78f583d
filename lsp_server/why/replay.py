"""A request in a file: the document, the cursor, the settings, what the worker said, and what came of it.

Secrets in its texts are stand-ins, as in what the worker was sent. Policies are no part of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from inference.messages import Alternative, Odds, Snippet
from lsp_server.completion.answer import answer
from lsp_server.completion.asked import Asked
from lsp_server.completion.means import Means
from lsp_server.completion.recent import Recent
from lsp_server.document import Document, Snapshot
from lsp_server.policy import veil
from lsp_server.settings import Settings
from lsp_server.turns import Turn
from lsp_server.why.scripted import Script, ScriptedLink
from lsp_server.why.trace import Trace

FORMAT = "midfill-replay"
VERSION = 1
MAX_BYTES = 16 << 20
# What depends on the clock, or has no part in one request. The rest of the settings decide what is shown.
_NO_STAGES = ("delay", "deadline", "prime")
_SETTINGS = tuple(
    field.name
    for field in fields(Settings)
    if field.name not in ("rules", "model", "private_worker", "precision", "reuse", "prefetch")
)


class ReplayError(Exception):
    """A text is no replay; the message says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a request came to: the text, "" for none, why there was none, and the gates that objected."""

    text: str
    silence: str
    gates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """`result` is what it came to when it was saved."""

    asked: Asked
    snippets: tuple[Snippet, ...]
    script: Script
    result: Result

    async def run(self) -> Result:
        """What it comes to with the code as it is now, and the built-in rules."""
        asked, trace = self.asked, Trace()

        async def near(snapshot: Snapshot, offset: int) -> tuple[Snippet, ...]:
            return self.snippets

        means = Means(asked.settings, ScriptedLink(self.script), "replay", Recent(), near)
        found = await answer(asked.moment(trace), Turn(), means)
        return Result("" if found is None else found.text, trace.silence, _gates(trace))


def replay_of(trace: Trace) -> Replay:
    """Raises ReplayError where the document of a trace was not kept."""
    asked = trace.asked
    if asked is None:
        raise ReplayError(
            "the text of this request was not kept: it is too long ago, too long, or was refused"
        )
    done, error = trace.done, trace.error
    snapshot = asked.snapshot
    document = Document(snapshot.uri, snapshot.language, 0, veil(snapshot.text)).snapshot
    return Replay(
        Asked(document, asked.offset, asked.settings, asked.invoked, asked.erased, asked.extends),
        trace.snippets,
        Script(
            tuple(trace.chunks),
            "aborted" if done is None else done.stop_reason,
            trace.chunks[-1][1]
            if done is None and trace.chunks
            else 0.0
            if done is None
            else done.statistics.logprob,
            () if done is None else done.alternatives,
            trace.calibration,
            "" if error is None else error.message,
        ),
        Result(trace.shown, trace.silence, _gates(trace)),
    )


def _gates(trace: Trace) -> tuple[str, ...]:
    return tuple(verdict.gate for verdict in trace.verdicts)


def dumps(replay: Replay) -> str:
    """One JSON object, for people too."""
    asked, script, result = replay.asked, replay.script, replay.result
    value = {
        "format": FORMAT,
        "version": VERSION,
        "document": {
            "uri": asked.snapshot.uri, "language": asked.snapshot.language, "text": asked.snapshot.text,
        },
        "offset": asked.offset,
        "moment": {"invoked": asked.invoked, "erased": asked.erased, "extends": asked.extends},
        "settings": {name: getattr(asked.settings, name) for name in _SETTINGS},
        "snippets": [[each.path, each.text] for each in replay.snippets],
        "worker": {
            "chunks": script.chunks, "stopReason": script.stop_reason, "logprob": script.logprob,
            "alternatives": [[each.text, each.logprob] for each in script.alternatives],
            "calibration": [[each.probability, each.right] for each in script.calibration],
            "error": script.error,
        },
        "result": {"text": result.text, "silence": result.silence, "gates": result.gates},
    }  # fmt: skip
    return json.dumps(value, indent=1) + "\n"


def loads(text: str) -> Replay:
    """Raises ReplayError."""
    try:
        value = json.loads(text)
        if value["format"] != FORMAT or value["version"] != VERSION:
            raise ReplayError(f"it is of version {value['version']!r:.20}, and this Midfill reads {VERSION}")
        return _read(value)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ReplayError(f"it is no replay: {type(error).__name__} {error}") from error


def _read(value: dict[str, Any]) -> Replay:
    document, worker, result, moment = value["document"], value["worker"], value["result"], value["moment"]
    snapshot = Document(str(document["uri"]), str(document["language"]), 0, str(document["text"])).snapshot
    settings: dict[str, Any] = {
        name: tuple(given) if isinstance(given := value["settings"][name], list) else given
        for name in _SETTINGS
        if name in value["settings"]
    }
    for name, given in settings.items():
        if type(given) is not type(getattr(Settings(), name)):
            raise ReplayError(f"the setting {name} is {given!r:.40}")
    settings["without"] = tuple({*settings.get("without", ()), *_NO_STAGES})
    offset = int(value["offset"])
    if not 0 <= offset <= len(snapshot.text):
        raise ReplayError(f"the cursor {offset} is not in its document")
    return Replay(
        Asked(snapshot, offset, Settings(**settings), **{name: bool(each) for name, each in moment.items()}),
        tuple(Snippet(str(path), str(text)) for path, text in value["snippets"]),
        Script(
            tuple((str(text), float(logprob)) for text, logprob in worker["chunks"]),
            str(worker["stopReason"]),
            float(worker["logprob"]),
            tuple(Alternative(str(text), float(logprob)) for text, logprob in worker["alternatives"]),
            tuple(Odds(float(probability), float(right)) for probability, right in worker["calibration"]),
            str(worker["error"]),
        ),
        Result(str(result["text"]), str(result["silence"]), tuple(map(str, result["gates"]))),
    )
