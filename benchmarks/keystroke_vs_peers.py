"""Ghost text through the whole of Midfill beside llama.cpp's server alone: the same weights and prompts.

    pip install xllamacpp
    python -m benchmarks.keystroke_vs_peers [FILE] [--turns N] [--model DIRECTORY] [--gguf FILE] [--json]

A method is begun in the middle of a file, and its name typed anew again and again. Each time Midfill is asked
over LSP, as by an editor: a process for the server, one for the worker. llama.cpp's server, a process of its
own, is asked over HTTP on a unix socket for as many tokens behind the same text; what it has of the prompt
before, it uses. The card's budgets are widened for a prompt of 1,500 tokens, and beams and copying are left
out: everyone is greedy. They take turns; ratios are what counts.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path

from benchmarks.editor import Editor, WorkerError, session
from benchmarks.keystroke import DEFAULT_FILE, machine
from benchmarks.lsp_client import LspError
from benchmarks.peers.llama_server import UnixConnection, question
from benchmarks.turns import Spread
from inference.model import ModelError
from inference.models.description import Description, describe
from inference.models.load import SHIPPED
from inference.prompt import PromptText, PromptWriter
from training.export_gguf import export_gguf

READY_TIMEOUT_S = 120.0
CONTEXT = 2048
SUFFIX_TOKENS, PREFIX_TOKENS, NEW_TOKENS = 100, 1840, 16
CARD = {
    "prefix_tokens": PREFIX_TOKENS, "suffix_tokens": SUFFIX_TOKENS, "max_new_tokens": NEW_TOKENS,
    "beam_width": 1, "copy_weights": [],
}  # fmt: skip
WORDS = ("read", "name", "parse", "value", "index", "option", "items", "match", "format", "default")


@dataclass(frozen=True, slots=True)
class Turn:
    """One change, in milliseconds to the first and to the whole text; token counts are our worker's."""

    ours_ms: float
    first_ms: float
    prompt_tokens: int
    new_tokens: int
    written_tokens: int
    theirs_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Report:
    """`ratio` is of their time to ours, turn by turn."""

    machine: str
    threads: int
    turns: int
    prompt_tokens: Spread
    new_tokens: Spread
    written_tokens: Spread
    ours_ms: Spread
    first_text_ms: Spread
    theirs_ms: dict[str, Spread]
    ratio: dict[str, Spread]


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="mf") as folder:
            gguf = options.gguf or Path(folder) / "model.gguf"
            if options.gguf is None:
                export_gguf(options.model, gguf, "bf16")
            turns = asyncio.run(compare(options, gguf, Path(folder)))
            report = summarise(turns, options.threads)
    except (ModelError, WorkerError, LspError, OSError, HTTPException) as error:
        print(f"keystroke_vs_peers: {error or 'no answer in time'}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(report)) if options.json else table(report))
    return 0


async def compare(options: argparse.Namespace, gguf: Path, folder: Path) -> list[Turn]:
    """Type, and ask everyone each time. Raises as `main` catches."""
    model = widened(options.model, folder)
    async with contextlib.AsyncExitStack() as stack:
        editor = await stack.enter_async_context(session(str(model), maxTokens=NEW_TOKENS))
        await editor.ready()
        peers = {
            f"llama-server, {'flash' if flash else 'plain'} attention": await stack.enter_async_context(
                llama_server(gguf, folder / f"{int(flash)}.sock", options.threads, flash)
            )
            for flash in (True, False)
        }
        return await take_turns(editor, peers, describe(model), options.file, options.turns)


def widened(model: Path, folder: Path) -> Path:
    """The checkpoint with CARD's budgets, in a folder of its own; the other files are links."""
    copy = folder / "model"
    copy.mkdir()
    for path in model.iterdir():
        if path.name != "card.json":
            (copy / path.name).symlink_to(path.resolve())
    card = json.loads((model / "card.json").read_text(encoding="utf-8"))
    (copy / "card.json").write_text(json.dumps(card | CARD), encoding="utf-8")
    return copy


@contextlib.asynccontextmanager
async def llama_server(gguf: Path, path: Path, threads: int, flash: bool) -> AsyncIterator[UnixConnection]:
    """A server in a process of its own, and a connection to it. Raises ModelError, TimeoutError."""
    command = ["-m", "benchmarks.peers.llama_server", "--gguf", str(gguf), "--socket", str(path)]
    command += ["--threads", str(threads), *(["--flash-attention"] if flash else [])]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            if await process.stdout.readline() != b"ready\n":
                raise ModelError("llama.cpp's server did not start")
        yield UnixConnection(path)
    finally:
        process.stdin.close()
        await process.wait()


async def take_turns(
    editor: Editor, peers: dict[str, UnixConnection], described: Description, path: Path, turns: int
) -> list[Turn]:
    """A first turn is thrown away, and so is one in which nothing was shown."""
    writer = PromptWriter(described.card, described.tokenizer, CONTEXT)
    banned = sorted(described.tokenizer.controls.values())
    before, after = halves(path.read_text(encoding="utf-8"))
    editor.open(path, before + after, len(before))
    taken, typed, names = [], "", list(peers)
    for number in range(turns + 1):
        word, other = WORDS[number % len(WORDS)], WORDS[number // len(WORDS) % len(WORDS)]
        tail = f"    def {word}_{other}(self, {word}):\n        "
        editor.retype(len(typed), tail)
        typed = tail
        shown = await editor.complete()
        if shown.statistics is None or shown.first_ms is None:
            continue
        said = {name: int(value) for name, value in shown.statistics.items() if name.endswith("_tokens")}
        prompt = writer.write(PromptText(before + tail, after)).token_ids
        asked = question(prompt, said["generated_tokens"], banned, cached=True)
        theirs = {}
        for name in names[number % len(names) :] + names[: number % len(names)]:
            start = time.perf_counter()
            peers[name].complete(asked)
            theirs[name] = (time.perf_counter() - start) * 1e3
        if number:
            new = said["prompt_tokens"] - said["cached_tokens"]
            taken.append(
                Turn(
                    shown.total_ms,
                    shown.first_ms,
                    said["prompt_tokens"],
                    new,
                    said["generated_tokens"],
                    theirs,
                )
            )
    return taken


def halves(text: str) -> tuple[str, str]:
    """Before and behind the first method of the second half. Raises WorkerError if there is none."""
    at = text.find("\n    def ", len(text) // 2) + 1
    if not at:
        raise WorkerError("the file has no method in its second half; name another FILE")
    return text[:at], "\n" + text[at:]


def summarise(turns: list[Turn], threads: int) -> Report:
    """Raises WorkerError."""
    if not turns:
        raise WorkerError("nothing was shown; name another FILE")
    names = list(turns[0].theirs_ms)
    return Report(
        machine=machine(),
        threads=threads,
        turns=len(turns),
        prompt_tokens=Spread.of([turn.prompt_tokens for turn in turns]),
        new_tokens=Spread.of([turn.new_tokens for turn in turns]),
        written_tokens=Spread.of([turn.written_tokens for turn in turns]),
        ours_ms=Spread.of([turn.ours_ms for turn in turns]),
        first_text_ms=Spread.of([turn.first_ms for turn in turns]),
        theirs_ms={name: Spread.of([turn.theirs_ms[name] for turn in turns]) for name in names},
        ratio={name: Spread.of([turn.theirs_ms[name] / turn.ours_ms for turn in turns]) for name in names},
    )


def table(report: Report) -> str:
    """As Markdown."""
    lines = [
        f"{report.machine}; threads of llama.cpp: {report.threads}; {report.turns} turns",
        "",
        "| median (least–greatest) | | times ours |",
        "|---|---:|---:|",
        f"| prompt tokens | {report.prompt_tokens} | |",
        f"| of them new | {report.new_tokens} | |",
        f"| tokens written | {report.written_tokens} | |",
        f"| Midfill over LSP, first text, ms | {report.first_text_ms} | |",
        f"| Midfill over LSP, whole text, ms | {report.ours_ms} | 1 |",
    ]
    lines += [
        f"| {name} over HTTP, ms | {spread} | {report.ratio[name]} |"
        for name, spread in report.theirs_ms.items()
    ]
    return "\n".join(lines)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.keystroke_vs_peers")
    parser.add_argument("file", nargs="?", type=Path, default=DEFAULT_FILE, metavar="FILE", help="to type in")
    parser.add_argument("--turns", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument(
        "--threads", type=int, default=1, help="of llama.cpp (default: 1, as our worker here)"
    )
    parser.add_argument("--model", type=Path, default=SHIPPED, help="a checkpoint (default: what ships)")
    parser.add_argument("--gguf", type=Path, help="the model in bf16, if it was exported before")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
