"""Stage 6: how good a checkpoint is, through the engine that ships, with the floors in the same run.

    python -m training.evaluate --corpus DIR --humaneval FILE.jsonl.gz --json scores.json

Rest of line: the cursor is anywhere inside a line of a held-out project; full line: behind its indentation.
Exact match compares up to trailing blanks. HumanEval-Infilling (arXiv 2204.05999), single line: the
benchmark's own tests decide, in a subprocess without network. The data stays where it is.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F

from inference.engine import Engine
from inference.models.config import Qwen3MoeConfig
from inference.models.load import SHIPPED, load
from inference.models.loader import load_weights
from inference.prompt import PromptText
from inference.request import DoneEvent, ErrorEvent, Request, TextEvent
from inference.tokenizer import Tokenizer
from training.cursors import Cursor, Kind, copied, draw_cursors, edit_similarity, held_out_records
from training.examples import ROW
from training.network import TrainingNetwork
from training.outline import outline_of
from training.sandbox import passes, without_network
from training.tokenizer import FILE_SEP

LINE_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion, and the sum of its tokens' log-probabilities."""

    text: str
    stop_reason: str
    tokens: int
    logprob: float


class Completer:
    """Asks the engine for one line at a time."""

    def __init__(self, engine: Engine, outlines: bool = True) -> None:
        self._engine, self._outlines, self._key = engine, outlines, 0

    def line(self, prefix: str, suffix: str) -> Answer:
        """The rest of the line at the cursor, greedy, with the outline that the language server would send.

        Raises:
            RuntimeError: the engine refused the request.
        """
        self._key += 1
        outline = outline_of(prefix) if self._outlines else ()
        prompt = PromptText(prefix=prefix, suffix=suffix, language="python", outline=outline)
        self._engine.submit(
            Request(key=self._key, document="", prompt=prompt, max_tokens=LINE_TOKENS, stop=("\n",))
        )
        text = ""
        while self._engine.has_work:
            for event in self._engine.step():
                match event:
                    case TextEvent():
                        text += event.text
                    case DoneEvent():
                        figures = event.statistics
                        return Answer(text, event.stop_reason, figures.generated_tokens, figures.logprob)
                    case ErrorEvent():
                        raise RuntimeError(event.message)
        raise RuntimeError("the engine ended without an answer")


class LineCompleter(Protocol):
    """Whatever completes a line; `Completer`, or a test's."""

    def line(self, prefix: str, suffix: str) -> Answer: ...


class Progress:
    """A counter on a terminal, silent in a pipe."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._started = what, total, time.monotonic()

    def __call__(self, done: int) -> None:
        if sys.stderr.isatty():
            left = (time.monotonic() - self._started) / done * (self._total - done)
            line = f"\r{self._what}: {done}/{self._total}, {left:.0f} s left "
            print(line, end="\n" if done == self._total else "", file=sys.stderr, flush=True)


def lines(completer: Completer, cursors: list[Cursor], kind: Kind) -> dict[str, Any]:
    """Exact match and edit similarity of the model and of copying."""
    progress = Progress(kind, len(cursors))
    rows: list[dict[str, Any]] = []
    for number, cursor in enumerate(cursors, 1):
        answer = completer.line(cursor.prefix, cursor.suffix)
        model, copy = answer.text.rstrip(), copied(cursor.prefix, cursor.suffix).rstrip()
        rows.append(
            {
                "path": f"{cursor.source}/{cursor.path}",
                "before": cursor.prefix[-160:],
                "truth": cursor.truth,
                "model": model,
                "copy": copy,
                "stop": answer.stop_reason,
                "confidence": math.exp(answer.logprob / max(1, answer.tokens)),
            }
        )
        progress(number)

    def mean(values: list[float]) -> float:
        return sum(values) / len(rows)

    def exact(column: str) -> float:
        return mean([row[column] == row["truth"] for row in rows])

    def similarity(column: str) -> float:
        return mean([edit_similarity(row[column], row["truth"]) for row in rows])

    return {
        "cursors": len(rows),
        "exact": exact("model"),
        "similarity": similarity("model"),
        "copy_exact": exact("copy"),
        "copy_similarity": similarity("copy"),
        "either_exact": mean([row["truth"] in (row["model"], row["copy"]) for row in rows]),
        "rows": rows,
    }


def human_eval(completer: LineCompleter, path: Path, limit: int | None) -> dict[str, Any]:
    """pass@1 of HumanEval-Infilling single line, greedy; the floor leaves the line blank.

    As in an editor the cursor stands on a line of its own, whose line end is there already; in the
    benchmark's own prompt the line end is part of what is missing ("bare").
    """
    with gzip.open(path, "rt", encoding="utf-8") as file:
        problems = [json.loads(line) for line in file][:limit]
    progress, rows = Progress("HumanEval-Infilling", len(problems)), []
    for number, problem in enumerate(problems, 1):
        answer = completer.line(problem["prompt"], "\n" + problem["suffix"]).text
        bare = completer.line(problem["prompt"], problem["suffix"]).text
        rows.append(
            {
                "task_id": problem["task_id"], "model": answer, "bare": bare,
                "truth": problem["canonical_solution"], "pass": solves(problem, answer),
                "bare_pass": solves(problem, bare), "blank_pass": solves(problem, ""),
            }
        )  # fmt: skip
        progress(number)
    count = len(rows)
    return {
        "problems": count,
        "pass": sum(row["pass"] for row in rows) / count,
        "bare_pass": sum(row["bare_pass"] for row in rows) / count,
        "blank_pass": sum(row["blank_pass"] for row in rows) / count,
        "exact": sum(row["model"].strip() == row["truth"].strip() for row in rows) / count,
        "network": "namespace without interfaces"
        if without_network()
        else "not taken away: no namespaces here",
        "rows": rows,
    }


def solves(problem: dict[str, str], line: str) -> bool:
    """Whether the program with `line` in the gap passes the problem's own tests."""
    check = f"\n{problem['test']}\ncheck({problem['entry_point']})\n"
    return passes(problem["prompt"] + line + "\n" + problem["suffix"] + check)


@torch.inference_mode()
def bits_per_byte(directory: Path, tokenizer: Tokenizer, held_out: Path, max_tokens: int) -> float:
    """Left to right over held-out files, in windows of a training row, each without context."""
    config = Qwen3MoeConfig.from_file(directory / "config.json")
    weights = load_weights(directory, config, torch.device("cpu"), torch.float32)
    network = TrainingNetwork(weights, compiled=False)
    bits, size, tokens = 0.0, 0, 0
    for text in (record["text"] for record in held_out_records(held_out)):
        ids = tokenizer.encode(text)
        for start in range(0, len(ids), ROW - 1):
            window = torch.tensor(ids[start : start + ROW - 1])
            inputs = torch.cat([torch.tensor([FILE_SEP]), window[:-1]])
            logits = weights.logits(network.hidden(inputs[None])[0][0])
            bits += float(F.cross_entropy(logits, window, reduction="sum")) / math.log(2)
        size += len(text.encode())
        tokens += len(ids)
        if tokens >= max_tokens:
            break
    return bits / size


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.evaluate", description="Score a checkpoint.")
    parser.add_argument("--model", type=Path, default=None, help="a checkpoint; the shipped one if left out")
    parser.add_argument("--corpus", type=Path, required=True, help="folder that training.corpus wrote")
    parser.add_argument("--humaneval", type=Path, help="HumanEval-SingleLineInfilling.jsonl.gz")
    parser.add_argument("--limit", type=int, help="only so many of its problems")
    parser.add_argument("--cursors", type=int, default=600, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-outline", action="store_true", help="prompts without imports and headers")
    parser.add_argument("--json", type=Path, help="every figure and answer")
    arguments = parser.parse_args()
    model, tokenizer, card = load(arguments.model, "cpu")
    completer = Completer(Engine(model, tokenizer, card), not arguments.no_outline)
    held_out = arguments.corpus / "heldout.jsonl"
    result: dict[str, Any] = {"model": card.name, "seed": arguments.seed}
    result["bits_per_byte"] = bits_per_byte(arguments.model or SHIPPED, tokenizer, held_out, 200_000)
    print(f"bits per byte, held out        {result['bits_per_byte']:.3f}")
    kinds: tuple[Kind, ...] = ("rest of line", "full line")
    for kind in kinds:
        score = lines(completer, draw_cursors(held_out, arguments.cursors, kind, arguments.seed), kind)
        result[kind] = score
        name = f"{kind}, {score['cursors']} cursors"
        print(f"{name:30} exact {score['exact']:.1%}  similarity {score['similarity']:.1%}")
        print(f"{'  copying':30} exact {score['copy_exact']:.1%}  similarity {score['copy_similarity']:.1%}")
        print(f"{'  the better of both':30} exact {score['either_exact']:.1%}")
    if arguments.humaneval:
        score = human_eval(completer, arguments.humaneval, arguments.limit)
        result["humaneval"] = score
        name = f"HumanEval, {score['problems']} lines"
        print(
            f"{name:30} pass@1 {score['pass']:.1%}  exact {score['exact']:.1%}  network: {score['network']}"
        )
        print(f"{'  bare prompt':30} pass@1 {score['bare_pass']:.1%}")
        print(f"{'  blank line':30} pass@1 {score['blank_pass']:.1%}")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
