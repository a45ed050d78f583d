"""From a keystroke to ghost text: replays the typing of a real file through the whole of Midfill.

    python -m benchmarks.keystroke [FILE] [--spans N] [--length N] [--lines N] [--rate N] [--json] ...

Takes spans out of the file and types them back, one character at a time and a completion asked for at each,
waiting for the answer before the next, or, with --rate, never waiting. Which spans is drawn from the seed.
Behind each span new lines are begun, indented as those that stand there in the file; with --lines what stands
in them is then typed as one key, which does not count. The first completion of a span reads a cold prompt, as
after opening a file, and is told apart. So are keystrokes that an earlier answer served, which took no model:
with --no-reuse there are none.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.editor import Editor, Shown, WorkerError, session
from benchmarks.lsp_client import LspError
from benchmarks.memory import Memory
from benchmarks.percentile import Summary

DEFAULT_FILE = Path(argparse.__file__)
"""2,700 lines, and on every machine."""

MIN_SPAN_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Span:
    """The characters [start, end) of a file, all in one line, that are taken out and typed."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Latency:
    """From the keystroke to the first text and to the reply, in milliseconds, of those with text."""

    first_text_ms: Summary
    reply_ms: Summary

    @classmethod
    def of(cls, answers: list[Shown]) -> "Latency":
        first = [shown.first_ms for shown in answers if shown.first_ms is not None]
        return cls(Summary.of(first), Summary.of([shown.total_ms for shown in answers]))


@dataclass(frozen=True, slots=True)
class Reuse:
    """Of the prompts of `count` requests that asked the model: the share of their tokens that needed no
    computing, as the worker counts them. 0 for none."""

    count: int
    share: float

    @classmethod
    def of(cls, answers: list[Shown]) -> "Reuse":
        told = [each.statistics for each in answers if each.statistics is not None]
        prompt = sum(each["prompt_tokens"] for each in told)
        return cls(len(told), sum(each["cached_tokens"] for each in told) / prompt if prompt else 0.0)


@dataclass(frozen=True, slots=True)
class Typed:
    """The answers to a span: before its first character, behind each, and at the beginning of new lines."""

    cold: Shown
    on_line: list[Shown]
    new_lines: list[Shown]


@dataclass(frozen=True, slots=True)
class Report:
    """What --json prints. Times in milliseconds.

    `shown` and `silent` count the keystrokes that brought text and those that did not; `overtaken` those
    whose reply came after the next key, if keys come at a rate. `every` is the latency of all that are shown;
    `asked`, `adopted` and `recent` of those that asked the model, took over what it was saying, and needed no
    model. `overhead_ms` is what a reply with text took beyond the server's wait for the worker, which ends
    with the last text that the reply needed, whether the model ended by itself or was stopped; of `asked`
    alone, as are the counts of tokens. `cold_ms` is the time to the first text of a span's first completion.
    `reused_on_line` is of keys within a line, `reused_across_lines` of those that begin a new one.
    """

    file: str
    seed: int
    rate: float
    reuse: bool
    model: str
    machine: str
    keystrokes: int
    shown: int
    silent: int
    overtaken: int
    every: Latency
    asked: Latency
    adopted: Latency
    recent: Latency
    silent_reply_ms: Summary
    overhead_ms: Summary
    cold_ms: Summary
    prompt_tokens: Summary
    new_prompt_tokens: Summary
    reused_on_line: Reuse
    reused_across_lines: Reuse
    memory: Memory


@dataclass(frozen=True, slots=True)
class Run:
    """How to type: the places are drawn from the seed; `rate` in keys a second, 0 to wait for each answer;
    with the files `beside` open. Behind each span `num_lines` are begun."""

    path: Path
    seed: int
    rate: float = 0.0
    reuse: bool = True
    model: str = ""
    beside: tuple[Path, ...] = ()
    num_lines: int = 1


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        text = options.file.read_text(encoding="utf-8")
        spans = draw(text, options.spans, options.length, options.seed)
        beside = tuple(options.beside)
        run = Run(
            options.file, options.seed, options.rate, options.reuse, options.model, beside, options.lines
        )
        report = asyncio.run(replay(run, text, spans))
    except (OSError, ValueError, WorkerError, LspError, TimeoutError) as error:
        print(f"keystroke: {error or 'the server did not answer in time'}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(report)) if options.json else table(report))
    return 0


def draw(text: str, num_spans: int, length: int, seed: int) -> list[Span]:
    """Spans of at most `length` characters, each the end of another line. Raises ValueError for too few."""
    candidates = []
    start = 0
    for line in text.splitlines(keepends=True):
        content = line.rstrip()
        indent = len(content) - len(content.lstrip())
        if len(content) - indent >= MIN_SPAN_CHARACTERS:
            candidates.append(Span(start + max(indent, len(content) - length), start + len(content)))
        start += len(line)
    if len(candidates) < num_spans:
        raise ValueError(f"the file has {len(candidates)} lines to type in, {num_spans} are asked for")
    return random.Random(seed).sample(candidates, num_spans)


async def replay(run: Run, text: str, spans: list[Span]) -> Report:
    """Type every span. Raises WorkerError, LspError, TimeoutError."""
    async with session(run.model, reuse=run.reuse) as editor:
        name = await editor.ready()
        for path in run.beside:
            editor.open_beside(path, path.read_text(encoding="utf-8"))
        typed = [await _type(editor, run, text, span) for span in spans]
        memory = Memory.of(editor.pid)
    return summarise(run, name, typed, memory)


async def _type(editor: Editor, run: Run, text: str, span: Span) -> Typed:
    lines = text[span.end :].split("\n")[1 : run.num_lines]  # of the last one nothing is typed
    editor.open(
        run.path, text[: span.start] + text[span.end + len("".join(lines)) + len(lines) :], span.start
    )
    first = await editor.complete()
    asked: list[asyncio.Task[Shown]] = []
    try:
        for key, rest in [*((key, "") for key in text[span.start : span.end]), *new_lines(text, span, lines)]:
            editor.type(key)
            asked.append(asyncio.create_task(editor.complete()))
            await (asyncio.sleep(1 / run.rate) if run.rate else asyncio.wait(asked[-1:]))
            if rest:
                editor.type(rest)
                await editor.complete()
        answers = await asyncio.gather(*asked)
        num_keys = span.end - span.start
        return Typed(first, answers[:num_keys], answers[num_keys:])
    finally:
        editor.close()


def new_lines(text: str, span: Span, lines: list[str]) -> Iterator[tuple[str, str]]:
    """The keys that begin lines behind a span, and what is then typed in each: in the last one nothing."""
    at = span.end
    for line in [*lines, ""]:
        blanks = indentation(text, at)
        yield "\n" + blanks, line.removeprefix(blanks).rstrip()
        at += len(line) + 1


def indentation(text: str, end: int) -> str:
    """The blanks before the next line with text behind the end of a line, which an editor puts there."""
    behind = text[end:].lstrip("\r\n")
    return behind[: len(behind) - len(behind.lstrip(" \t"))]


def summarise(run: Run, model: str, typed: list[Typed], memory: Memory) -> Report:
    warm = [shown for each in typed for shown in (*each.on_line, *each.new_lines)]
    shown = [each for each in warm if each.text]
    silent = [each for each in warm if not each.text and not each.overtaken]
    asked = _of("model", shown)
    statistics = [each.statistics for each in asked if each.statistics is not None]
    prompt = [each["prompt_tokens"] for each in statistics]
    new = [each["prompt_tokens"] - each["cached_tokens"] for each in statistics]
    return Report(
        file=run.path.name,
        seed=run.seed,
        rate=run.rate,
        reuse=run.reuse,
        model=model,
        machine=machine(),
        keystrokes=len(warm),
        shown=len(shown),
        silent=len(silent),
        overtaken=len(warm) - len(shown) - len(silent),
        every=Latency.of(shown),
        asked=Latency.of(asked),
        adopted=Latency.of(_of("adopted", shown)),
        recent=Latency.of(_of("recent", shown)),
        silent_reply_ms=Summary.of([each.total_ms for each in silent]),
        overhead_ms=Summary.of(
            [each.total_ms - each.waited_ms for each in asked if each.waited_ms is not None]
        ),
        cold_ms=Summary.of([each.cold.first_ms for each in typed if each.cold.first_ms is not None]),
        prompt_tokens=Summary.of(prompt),
        new_prompt_tokens=Summary.of(new),
        reused_on_line=Reuse.of(_of("model", [shown for each in typed for shown in each.on_line])),
        reused_across_lines=Reuse.of(_of("model", [shown for each in typed for shown in each.new_lines])),
        memory=memory,
    )


def _of(source: str, answers: list[Shown]) -> list[Shown]:
    return [each for each in answers if each.source == source]


def table(report: Report) -> str:
    """The report as Markdown."""
    rows = [
        ("keystroke → first ghost text, ms", report.every.first_text_ms),
        ("… where the model was asked", report.asked.first_text_ms),
        ("… taken over from the keystroke before", report.adopted.first_text_ms),
        ("… from an earlier answer", report.recent.first_text_ms),
        ("keystroke → final reply, ms", report.every.reply_ms),
        ("… where the model was asked", report.asked.reply_ms),
        ("of it, all but the worker, ms", report.overhead_ms),
        ("keystroke → reply without text, ms", report.silent_reply_ms),
        ("first completion in a newly opened file, ms", report.cold_ms),
        ("prompt tokens", report.prompt_tokens),
        ("prompt tokens that were not reused", report.new_prompt_tokens),
    ]
    rate = f"{report.rate:g} keys a second" if report.rate else "each key after the answer to the last"
    lines = [
        f"{report.model}; {report.file}, seed {report.seed}; {rate}; {report.machine}",
        "",
        f"{report.keystrokes} keystrokes, {report.shown} with text, {report.silent} without, "
        f"{report.overtaken} overtaken; the model was asked for {report.asked.reply_ms.count} of the texts, "
        f"{report.adopted.reply_ms.count} were taken over, {report.recent.reply_ms.count} said before; "
        f"prompt tokens reused: {_share(report.reused_on_line)} on a line, "
        f"{_share(report.reused_across_lines)} across lines; memory: "
        f"server {report.memory.server_mib:.0f} MiB, worker {report.memory.worker_mib:.0f} MiB",
        "",
        "| | count | median | 95th percentile |",
        "|---|---:|---:|---:|",
    ]
    return "\n".join(lines + [_row(name, summary) for name, summary in rows])


def _share(reuse: Reuse) -> str:
    return f"{reuse.share:.1%} ({reuse.count} requests)" if reuse.count else "-"


def _row(name: str, summary: Summary) -> str:
    if not summary.count:
        return f"| {name} | 0 | - | - |"
    return f"| {name} | {summary.count} | {summary.median:.1f} | {summary.p95:.1f} |"


def machine() -> str:
    """The processor and how many of it may be used."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    return f"{name}, {_num_cpus()} CPUs"


def _num_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.keystroke", description="From a keystroke to ghost text."
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=DEFAULT_FILE,
        metavar="FILE",
        help="the file to type in (default: the standard library's argparse.py)",
    )
    parser.add_argument(
        "--spans", type=int, default=20, metavar="N", help="how many places to type at (default: %(default)s)"
    )
    parser.add_argument(
        "--length", type=int, default=24, metavar="N", help="characters typed at each (default: %(default)s)"
    )
    parser.add_argument(
        "--lines", type=int, default=1, metavar="N", help="new lines behind each (default: %(default)s)"
    )
    parser.add_argument(
        "--rate",
        type=_rate,
        default=0.0,
        metavar="N",
        help="keys a second, whether they are answered or not (default: wait for each answer)",
    )
    parser.add_argument(
        "--no-reuse", dest="reuse", action="store_false", help="have the model asked at every key"
    )
    parser.add_argument(
        "--beside", nargs="+", type=Path, default=[], metavar="FILE", help="files that are open as well"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="draws the places (default: %(default)s)"
    )
    parser.add_argument(
        "--model", default="", metavar="PATH", help="a model's folder (default: the one that ships)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


def _rate(text: str) -> float:
    number = float(text)
    if not 0 < number <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and up to 100")
    return number


if __name__ == "__main__":
    sys.exit(main())
