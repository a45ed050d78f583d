"""What the gates stop, and whether they are right: on lines of held-out projects.

    python -m benchmarks.gates --corpus DIR [--true] [--model PATH] [--language NAME] [--cursors N] [--json]

With `--true` the line itself is the completion, and every gate that fires is mistaken; no model is needed.
Else the model completes it: of what a gate stops, how much was right, and what would be right instead: the
next candidate, or the text up to where the gate objects.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.percentile import Summary
from inference.engine import Engine
from inference.model import ModelError
from inference.models.load import load
from inference.prompt import PromptText
from inference.request import DoneEvent, ErrorEvent, Request, TextEvent
from lsp_server.completion.context import PREFIX_BUDGET, SUFFIX_BUDGET, gather
from lsp_server.completion.gate import Gate
from lsp_server.completion.trigger import Trigger, decide
from lsp_server.completion.trim import Trim
from lsp_server.document import Document, Snapshot
from lsp_server.syntax.bodies import num_errors
from lsp_server.syntax.site import survey
from training.cursors import KINDS, Cursor, draw_cursors
from training.jsonl import DataError

_MAX_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Row:
    """One cursor. `gate` is "" where none fired; `others` are the candidates behind the first that pass, and
    `cut` is the text up to the objection. `ms` is the time that the gates took. `adds_errors`: the tree has
    more errors with the text than without, perhaps because it only begins something."""

    path: str
    before: str
    truth: str
    text: str
    gate: str
    objection: str
    others: tuple[str, ...]
    cut: str
    ms: float
    adds_errors: bool

    @property
    def right(self) -> bool:
        return _says(self.text, self.truth)

    @property
    def next_is_right(self) -> bool:
        return bool(self.others) and _says(self.others[0], self.truth)

    @property
    def cut_is_right(self) -> bool:
        return len(self.cut.strip()) > 1 and self.truth.startswith(self.cut)


def true_row(cursor: Cursor) -> Row:
    """The line itself put to the gates."""
    snapshot = _opened(cursor)
    return _judged(cursor, Gate(survey(snapshot, len(cursor.prefix))), cursor.truth, ())


def model_row(engine: Engine, cursor: Cursor, key: int) -> Row | None:
    """What the model writes put to the gates; None where the server would not ask it, or it writes none."""
    snapshot = _opened(cursor)
    trigger = decide(snapshot, len(cursor.prefix), invoked=True)
    if trigger is None:
        return None
    text, others = _completed(engine, snapshot, trigger, key)
    return _judged(cursor, Gate(trigger.site), text, others) if text.strip() else None


def report(rows: list[Row]) -> dict[str, object]:
    """The figures over all rows."""
    fired = [row for row in rows if row.gate]
    right = [row for row in rows if row.right]
    times = Summary.of([row.ms for row in rows])
    return {
        "completions": len(rows),
        "right": len(right),
        "fired": dict(Counter(row.gate for row in fired)),
        "right_but_stopped": sum(row.right for row in fired),
        "share_of_right_stopped": sum(row.right for row in fired) / max(1, len(right)),
        "passed_and_adds_errors": sum(row.adds_errors for row in rows if not row.gate),
        "has_next": sum(bool(row.others) for row in fired),
        "next_is_right": sum(row.next_is_right for row in fired),
        "has_cut": sum(len(row.cut.strip()) > 1 for row in fired),
        "cut_is_right": sum(row.cut_is_right for row in fired),
        "gate_ms": asdict(times),
    }


def _opened(cursor: Cursor) -> Snapshot:
    uri = f"file:///{Path(cursor.path).name}"
    return Document(uri, cursor.language, 1, cursor.prefix + cursor.suffix).snapshot


def _completed(engine: Engine, snapshot: Snapshot, trigger: Trigger, key: int) -> tuple[str, list[str]]:
    """The trimmed completion, and the other first lines, as the server would have them."""
    context = gather(snapshot, trigger.site.offset, PREFIX_BUDGET, SUFFIX_BUDGET)
    prompt = PromptText(
        prefix=context.prefix,
        suffix=context.suffix,
        path=Path(snapshot.uri).name,
        language=snapshot.language,
        outline=context.outline,
    )
    engine.submit(Request(key=key, document="", prompt=prompt, max_tokens=_MAX_TOKENS))
    trim = Trim(trigger.site, trigger.block)
    while engine.has_work:
        for event in engine.step():
            match event:
                case TextEvent():
                    if trim.feed(event.text).complete:
                        engine.abort(key)
                case DoneEvent():
                    texts = [alternative.text for alternative in event.alternatives]
                    return trim.finish(event.stop_reason == "length").text, [
                        _trimmed(trigger, text) for text in texts
                    ]
                case ErrorEvent():
                    raise ModelError(event.message)
    raise ModelError("the engine ended without an answer")


def _trimmed(trigger: Trigger, text: str) -> str:
    trim = Trim(trigger.site, False)
    trim.feed(text)
    return trim.finish().text


def _judged(cursor: Cursor, gate: Gate, text: str, others: Iterable[str]) -> Row:
    start = time.perf_counter()
    verdict = gate.objection(text)
    ms = 1e3 * (time.perf_counter() - start)
    passing = () if verdict is None else tuple(other for other in others if gate.objection(other) is None)
    return Row(
        f"{cursor.source}/{cursor.path}",
        cursor.prefix[-80:],
        cursor.truth,
        text,
        "" if verdict is None else verdict.gate,
        "" if verdict is None else verdict.text,
        passing,
        "" if verdict is None else text[: verdict.at].rstrip(),
        ms,
        _adds_errors(cursor, text),
    )


def _adds_errors(cursor: Cursor, text: str) -> bool:
    before = _opened(cursor).tree
    after = _opened(replace(cursor, prefix=cursor.prefix + text)).tree
    return before is not None and after is not None and num_errors(after) > num_errors(before)


def _says(text: str, truth: str) -> bool:
    return text.split("\n", 1)[0].rstrip() == truth


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="benchmarks.gates", description="What the gates stop.")
    options.add_argument("--corpus", type=Path, required=True, help="folder that training.corpus wrote")
    options.add_argument("--true", action="store_true", help="the true lines, without a model")
    options.add_argument("--model", type=Path, default=None, help="a checkpoint; the shipped one if left out")
    options.add_argument("--language", default="python")
    options.add_argument("--cursors", type=int, default=600, help="of each kind")
    options.add_argument("--kind", action="append", choices=KINDS, help="this kind alone; repeatable")
    options.add_argument("--seed", type=int, default=2)
    options.add_argument("--json", action="store_true", help="print the figures and what was stopped as JSON")
    return options


def main() -> int:
    arguments = parser().parse_args()
    result: dict[str, dict[str, object]] = {}
    try:
        engine = None if arguments.true else Engine(*load(arguments.model, "cpu"))
        for kind in arguments.kind or KINDS:
            held_out = arguments.corpus / "heldout.jsonl"
            cursors = draw_cursors(held_out, arguments.cursors, kind, arguments.seed, arguments.language)
            rows = [
                row
                for key, cursor in enumerate(cursors, 1)
                if (row := true_row(cursor) if engine is None else model_row(engine, cursor, key))
            ]
            figures = report(rows)
            result[kind] = {**figures, "stopped": [asdict(row) for row in rows if row.gate]}
            result[kind]["adding errors"] = [asdict(row) for row in rows if row.adds_errors and not row.gate]
            if not arguments.json:
                print(f"{arguments.language}, {kind}:")
                print("\n".join(f"  {name.replace('_', ' ')}: {value}" for name, value in figures.items()))
    except (DataError, ModelError) as error:
        print(f"benchmarks.gates: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(result, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
