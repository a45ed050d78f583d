"""Stage 6: how good a checkpoint is, through the engine that ships, with the floors in the same run.

    python -m training.evaluate --corpus DIR --humaneval FILE.jsonl.gz --json scores.json

Rest of line: the cursor is anywhere inside a line of a held-out project; full line: behind its indentation.
The measures are in `training/evaluation/`. The data stays where it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from inference.engine import Engine
from inference.model import ModelError
from inference.models.load import SHIPPED, load
from training.cursors import KINDS, draw_cursors, held_out_records
from training.evaluation import report
from training.evaluation.bits import bits_per_byte
from training.evaluation.completer import Completer
from training.evaluation.infilling import human_eval
from training.evaluation.lines import lines
from training.jsonl import DataError

BITS_TOKENS = 200_000
MEASURES = ("bits", "lines", "humaneval")


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Every measure that was asked for, printed as it is done.

    Raises:
        DataError, ModelError: naming the file and what is wrong with it.
    """
    wanted = set(arguments.only or MEASURES)
    model, tokenizer, card = load(arguments.model, "cpu")
    completer = Completer(Engine(model, tokenizer, card), not arguments.no_outline)
    held_out, seed = arguments.corpus / "heldout.jsonl", arguments.seed
    result: dict[str, Any] = {"model": card.name, "seed": seed}
    if "bits" in wanted:
        texts = (record["text"] for record in held_out_records(held_out))
        result["bits_per_byte"] = bits_per_byte(arguments.model or SHIPPED, tokenizer, texts, BITS_TOKENS)
        report.bits(result["bits_per_byte"])
    if "lines" in wanted:
        for kind in KINDS:
            result[kind] = lines(completer, draw_cursors(held_out, arguments.cursors, kind, seed), kind)
            report.lines(kind, result[kind])
    if "humaneval" in wanted and arguments.humaneval:
        result["humaneval"] = human_eval(completer, arguments.humaneval, arguments.limit)
        report.infilling(result["humaneval"])
    return result


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="training.evaluate", description="Score a checkpoint.")
    options.add_argument("--model", type=Path, default=None, help="a checkpoint; the shipped one if left out")
    options.add_argument("--corpus", type=Path, required=True, help="folder that training.corpus wrote")
    options.add_argument("--humaneval", type=Path, help="HumanEval-SingleLineInfilling.jsonl.gz")
    options.add_argument("--limit", type=int, help="only so many of its problems")
    options.add_argument("--cursors", type=int, default=600, help="of each kind")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--no-outline", action="store_true", help="prompts without imports and headers")
    options.add_argument("--only", action="append", choices=MEASURES, help="this measure; repeatable")
    options.add_argument("--json", type=Path, help="every figure and answer")
    return options


def main() -> int:
    arguments = parser().parse_args()
    try:
        result = evaluate(arguments)
    except (DataError, ModelError) as error:
        print(f"training.evaluate: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
