"""What drafts bring: passes a token and time an answer with and without them, on real files of the library.

    python -m benchmarks.drafts [FILE ...] [--lines N] [--keys N] [--seed N] [--model PATH] [--json]

Types the first characters of lines that are taken out of a file and asks for an answer at each, as an editor
does; without drafts, with those that pay and with all, in turns. The answers must be the same.
"""

import argparse
import json
import random
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from inference.drafts import CopyDrafts, Worth
from inference.engine import DoneEvent, Engine, ErrorEvent, PromptText, Request, TextEvent
from inference.model import ModelError
from inference.models.load import load
from inference.step_cost import StepCost

FILES = tuple(Path(argparse.__file__).parent / name for name in ("argparse.py", "ast.py", "json/encoder.py"))
PREFIX, SUFFIX = 12_000, 4_000  # characters, as the server sends them
MAX_TOKENS = 48


class Counted(Worth):
    """Adds up what drafts bring; `always` takes every chance."""

    __slots__ = ("all_proposed", "all_saved", "all_used", "always", "passes")

    def __init__(self, always: bool) -> None:
        super().__init__()
        self.always = always
        self.passes = self.all_proposed = self.all_used = self.all_saved = 0

    def drafted(self, proposed: int, used: int, saved: int) -> None:
        super().drafted(proposed, used, saved)
        self.passes += 1
        self.all_proposed += proposed
        self.all_used += used
        self.all_saved += saved

    def try_one(self, cost: StepCost) -> bool:
        return self.always or super().try_one(cost)


@dataclass(frozen=True, slots=True)
class Row:
    """One way. `passes` are those of answers without the prompts' chunks, times in milliseconds;
    `ratio` is the median of the time of an answer against the same without drafts."""

    drafts: str
    answers: int
    tokens: int
    passes: int
    proposed: int
    used: int
    saved: int
    median_ms: float
    ratio: float


class Way:
    """An engine with its own cache, and what its answers cost."""

    def __init__(self, name: str, engine: Engine, always: bool = False) -> None:
        self.name, self.engine = name, engine
        self.times: list[float] = []
        self.tokens = 0
        self.worth = Counted(always)
        engine.worth = self.worth

    def answer(self, request: Request) -> str:
        began = time.perf_counter()
        self.engine.submit(request)
        text = ""
        while self.engine.has_work:
            for event in self.engine.step():
                match event:
                    case TextEvent():
                        text += event.text
                    case DoneEvent():
                        self.tokens += event.statistics.generated_tokens
                    case ErrorEvent():
                        raise ModelError(event.message)
        self.times.append(1e3 * (time.perf_counter() - began))
        return text

    def row(self, plain: list[float]) -> Row:
        ratios = [own / other for own, other in zip(self.times, plain, strict=True)]
        worth = self.worth
        return Row(
            self.name, len(self.times), self.tokens, worth.passes, worth.all_proposed, worth.all_used,
            worth.all_saved, statistics.median(self.times), statistics.median(ratios),
        )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.drafts", description="What drafts bring.")
    parser.add_argument("files", nargs="*", type=Path, default=FILES)
    parser.add_argument("--lines", type=int, default=8, help="of each file")
    parser.add_argument("--keys", type=int, default=6, help="typed of each line")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        rows = measure(options.files, options.lines, options.keys, options.seed, options.model)
    except (OSError, ValueError, ModelError) as error:
        print(f"drafts: {error}", file=sys.stderr)
        return 1
    print(json.dumps([asdict(row) for row in rows]) if options.json else table(rows))
    return 0


def measure(files: list[Path], num_lines: int, keys: int, seed: int, model_path: Path | None) -> list[Row]:
    """One row for each way.

    Raises:
        ModelError: the model cannot be loaded or run.
        ValueError: a file has no line to type, or drafts changed an answer.
    """
    model, tokenizer, card = load(model_path, "cpu")
    ways = [
        Way("none", Engine(model, tokenizer, card)),
        Way("that pay", Engine(model, tokenizer, card, drafts=CopyDrafts(tokenizer))),
        Way("all", Engine(model, tokenizer, card, drafts=CopyDrafts(tokenizer)), always=True),
    ]
    rng = random.Random(seed)
    key = 0
    for file in files:
        text = file.read_text(encoding="utf-8")
        for start, end in typed_lines(text, num_lines, keys, rng):
            for at in range(start, start + keys):
                key += 1
                before, behind = text[max(0, at - PREFIX) : at], text[end : end + SUFFIX]
                prompt = PromptText(before, behind, path=file.name)
                request = Request(key, str(file), prompt, max_tokens=MAX_TOKENS)
                turn = key % len(ways)
                answers = {way.answer(request) for way in ways[turn:] + ways[:turn]}
                if len(answers) > 1:
                    raise ValueError(f"drafts changed an answer: {sorted(answers)}")
    return [way.row(ways[0].times) for way in ways]


def typed_lines(text: str, count: int, keys: int, rng: random.Random) -> list[tuple[int, int]]:
    """Where the text of `count` lines begins and ends, of lines that have more than `keys` characters."""
    places, at = [], 0
    for line in text.splitlines(keepends=True):
        body = line.strip()
        if len(body) > keys:
            start = at + line.index(body)
            places.append((start, start + len(body)))
        at += len(line)
    if not places:
        raise ValueError("no line is long enough to be typed")
    return rng.sample(places, min(count, len(places)))


def table(rows: list[Row]) -> str:
    lines = ["drafts    answers  tokens  passes  a token  proposed  used  passes saved  ms an answer  ratio"]
    lines += [
        f"{row.drafts:9} {row.answers:7} {row.tokens:7} {row.passes:7} {row.passes / row.tokens:8.2f}"
        f" {row.proposed:9} {row.used:5} {row.saved:13} {row.median_ms:13.1f} {row.ratio:6.2f}"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
