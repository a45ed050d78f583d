"""Stage 6: how good a checkpoint is, through the engine that ships, with the floors in the same run.

    python -m training.evaluate --corpus DIR --humaneval FILE.jsonl.gz --json scores.json

Rest of line: the cursor is anywhere inside a line of a held-out project; full line: behind its indentation.
The measures are in `training/evaluation/`, a file each. The data stays where it is.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inference.card import Card
from inference.engine import Engine
from inference.model import Model, ModelError
from inference.models.load import SHIPPED, load
from inference.tokenizer import Tokenizer
from training.cursors import KINDS, draw_cursors, held_out_records, languages_in
from training.evaluation import report
from training.evaluation.best_of import best_of
from training.evaluation.bits import bits_per_byte
from training.evaluation.code_xglue import code_xglue
from training.evaluation.completer import Completer
from training.evaluation.ends import end_of_middle
from training.evaluation.infilling import human_eval, read_problems
from training.evaluation.inside_words import draw_pairs, inside_words
from training.evaluation.languages import by_language
from training.evaluation.lines import lines
from training.evaluation.ngrams import LineNgrams
from training.evaluation.programs import human_eval_tasks, mbpp_tasks, programs
from training.evaluation.simulated_typing import simulated_typing
from training.jsonl import DataError, read_records
from training.rows import row_length
from training.true_text import TrueText

BITS_TOKENS = 200_000
LANGUAGE_BITS_TOKENS = 50_000
MEASURES = ("bits", "lines", "languages", "ends", "words", "typing", "benchmarks")


class Evaluation:
    """One checkpoint and one corpus; each method is a measure that prints its figures and adds them to
    `result`.

    Raises:
        DataError, ModelError: naming the file and what is wrong with it.
    """

    def __init__(self, arguments: argparse.Namespace, model: Model, tokenizer: Tokenizer, card: Card) -> None:
        self._arguments = arguments
        self._model, self._tokenizer, self._card = model, tokenizer, card
        self._completer = Completer(Engine(model, tokenizer, card), not arguments.no_outline)
        self._held_out: Path = arguments.corpus / "heldout.jsonl"
        self._seed: int = arguments.seed
        self._floor = LineNgrams(self._training_texts()) if arguments.ngram_mb else LineNgrams()
        self.result: dict[str, Any] = {"model": card.name, "seed": arguments.seed}

    def bits(self) -> None:
        row = self.result["bits_row"] = row_length(self._arguments.corpus)
        for language in languages_in(self._held_out):
            texts = (record["text"] for record in held_out_records(self._held_out, language))
            tokens = BITS_TOKENS if language == "python" else LANGUAGE_BITS_TOKENS
            value = bits_per_byte(self._arguments.model or SHIPPED, self._tokenizer, texts, tokens, row)
            if language == "python":
                self.result["bits_per_byte"] = value
            self.result.setdefault("bits_per_byte_by_language", {})[language] = value
            report.bits(f"bits per byte, held out, {language}", value)

    def lines(self) -> None:
        for kind in KINDS:
            cursors = draw_cursors(self._held_out, self._arguments.cursors, kind, self._seed)
            self.result[kind] = lines(self._completer, self._floor, cursors, kind)
            report.lines(kind, self.result[kind])
            report.calibration(f"token, {kind}", self.result[kind]["calibration"])
            report.calibration(f"whole, {kind}", self.result[kind]["calibration_of_whole"])

    def languages(self) -> None:
        count = self._arguments.language_cursors
        found = by_language(self._completer, self._floor, self._held_out, count, self._seed)
        self.result["languages"] = found
        if found:
            python: dict[str, Any] = {kind: self.result[kind] for kind in KINDS if kind in self.result}
            report.languages({"python": python, **found} if len(python) == len(KINDS) else found)

    def ends(self) -> None:
        reader = TrueText(self._model, self._tokenizer, self._card)
        count = self._arguments.ends
        self.result["end of middle"] = end_of_middle(reader.choices, self._held_out, count, self._seed)
        report.ends(self.result["end of middle"])

    def words(self) -> None:
        pairs = draw_pairs(self._held_out, self._arguments.words, self._seed)
        self.result["inside a word"] = inside_words(self._completer, pairs)
        report.inside_words(self.result["inside a word"])

    def typing(self) -> None:
        cursors = draw_cursors(self._held_out, self._arguments.typing, "full line", self._seed)
        self.result["typing"] = simulated_typing(self._completer, cursors)
        report.typing(self.result["typing"])

    def benchmarks(self) -> None:
        arguments = self._arguments
        if arguments.humaneval:
            score = human_eval(self._completer, arguments.humaneval, arguments.limit)
            self.result["humaneval"] = score
            report.infilling(score)
            if arguments.best_of > 1:
                problems = read_problems(arguments.humaneval, arguments.limit)
                score["best_of"] = best_of(
                    self._completer, problems, count=arguments.best_of, temperature=arguments.temperature
                )
                report.best_of(score["best_of"])
        for key, name, path, read in (
            ("humaneval_programs", "HumanEval", arguments.humaneval_programs, human_eval_tasks),
            ("mbpp", "MBPP", arguments.mbpp, mbpp_tasks),
        ):
            if path:
                self.result[key] = programs(self._completer, read, path, arguments.limit, name)
                report.programs(name, self.result[key])
        if arguments.codexglue:
            self.result["codexglue"] = code_xglue(self._completer, arguments.codexglue, arguments.limit)
            report.code_xglue(self.result["codexglue"])

    def _training_texts(self) -> Iterator[str]:
        """About `--ngram-mb` megabytes of training files, drawn by seed."""
        path = self._arguments.corpus / "train.jsonl"
        rng = random.Random(self._seed)
        share = self._arguments.ngram_mb * 1e6 / max(1, path.stat().st_size if path.exists() else 1)
        for record in read_records(path, {"text": str}):
            if rng.random() < share:
                yield record["text"]


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="training.evaluate", description="Score a checkpoint.")
    options.add_argument("--model", type=Path, default=None, help="a checkpoint; the shipped one if left out")
    options.add_argument("--corpus", type=Path, required=True, help="folder that training.corpus wrote")
    options.add_argument("--humaneval", type=Path, help="HumanEval-SingleLineInfilling.jsonl.gz")
    options.add_argument("--humaneval-programs", type=Path, help="HumanEval.jsonl.gz")
    options.add_argument("--mbpp", type=Path, help="mbpp.jsonl")
    options.add_argument("--codexglue", type=Path, help="py150/line_completion/test.json")
    options.add_argument("--limit", type=int, help="only so many problems of each benchmark")
    options.add_argument("--best-of", type=int, default=4, help="candidates of the gate; 1 leaves it out")
    options.add_argument("--temperature", type=float, default=0.4, help="of the gate's samples")
    options.add_argument("--cursors", type=int, default=600, help="of each kind")
    options.add_argument("--language-cursors", type=int, default=150, help="of each kind, but Python's")
    options.add_argument("--ends", type=int, default=300, help="middles of each kind whose end is looked at")
    options.add_argument("--words", type=int, default=200, help="pairs of cursors in a word")
    options.add_argument("--typing", type=int, default=60, help="lines that are typed key by key")
    options.add_argument("--ngram-mb", type=float, default=0, help="training text that n-grams know, too")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--no-outline", action="store_true", help="prompts without imports and headers")
    options.add_argument("--only", action="append", choices=MEASURES, help="this measure; repeatable")
    options.add_argument("--json", type=Path, help="every figure and answer")
    return options


def main() -> int:
    options = parser()
    arguments = options.parse_args()
    for name in ("cursors", "language_cursors", "ends", "words", "typing", "best_of"):
        if getattr(arguments, name) < 1:
            options.error(f"--{name.replace('_', '-')} must be at least 1; --only chooses measures")
    try:
        evaluation = Evaluation(arguments, *load(arguments.model, "cpu"))
        for measure in MEASURES:
            if arguments.only is None or measure in arguments.only:
                getattr(evaluation, measure)()
    except (DataError, ModelError) as error:
        print(f"training.evaluate: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        text = json.dumps(evaluation.result, indent=1, ensure_ascii=False)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
