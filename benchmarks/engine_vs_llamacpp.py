"""Our native engine beside llama.cpp and transformers: the same weights, prompts and threads, in turns.

    pip install llama-cpp-python    # or xllamacpp, whose wheels know no AVX-512
    python -m benchmarks.engine_vs_llamacpp [--model DIRECTORY | --random] [--rounds N] [--threads N] [--json]

The weights are written to a GGUF file, which we and llama.cpp read. First the greedy texts are compared.
Then: a token behind 1 and behind 1,024 others, and a prompt of 1,500 tokens that nothing is known of.
llama.cpp runs with and without flash attention, each with the micro-batch that is fastest for the prompt.
Exits 1 where another writes a token that was not nearly as likely. Ratios are what counts.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from importlib import util
from pathlib import Path

from benchmarks import texts
from benchmarks.keystroke import machine
from benchmarks.llama_cpp import CURSORS_PER_FILE, cursors
from benchmarks.peers.llama_python import LlamaPython
from benchmarks.peers.llama_server import LlamaServer
from benchmarks.peers.midfill import Midfill
from benchmarks.peers.side import Side
from benchmarks.peers.transformers import Transformers
from benchmarks.random_model import SHAPE, write_random_model
from benchmarks.turns import Comparison, compared, in_turns, table
from inference.model import ModelError
from inference.models.description import describe
from inference.models.load import SHIPPED
from inference.prompt import PromptWriter
from inference.tokenizer import Tokenizer
from kernels.cpu.interface import Format
from training.export_gguf import export_gguf

Binding = type[LlamaPython] | type[LlamaServer]
PRECISIONS: dict[Format, str] = {"bf16": "bf16", "int8": "q8_0", "int4": "q4_0"}
"""Ours, and the GGUF type that both read. Ours in int4 has four bits in experts alone, eight elsewhere."""
BINDINGS: dict[str, Binding] = {"llama_cpp": LlamaPython, "xllamacpp": LlamaServer}
DEPTHS = (1, 1024)
DECODED = 32
TEXT_TOKENS = 40
PROMPT = 1500
CONTEXT = 2048
MICRO_BATCHES = (128, 512, 2048)
TEXT = Path(argparse.__file__)
"""2,700 lines, and on every machine."""
# llama.cpp rounds activations to bfloat16 where weights are, and attends by its flash kernel in float16.
NEAR_TIE_NATS = 0.5


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        peer = BINDINGS[options.binding or _installed()]
        with tempfile.TemporaryDirectory(prefix="mf") as folder:
            directory = options.model
            if options.random:
                directory = Path(folder) / "random"
                directory.mkdir()
                write_random_model(directory, SHAPE)
            gguf = options.gguf or Path(folder) / "model.gguf"
            if options.gguf is None:
                export_gguf(directory, gguf, PRECISIONS[options.precision])
            written, rows = compare(directory, gguf, peer, options)
    except ModelError as error:
        print(f"engine_vs_llamacpp: {error}", file=sys.stderr)
        return 1
    if options.json:
        told = {
            "machine": machine(), "threads": options.threads, "texts": [asdict(row) for row in written],
            "rows": [asdict(row) for row in rows],
        }  # fmt: skip
        print(json.dumps(told))
    else:
        print(f"{machine()}; threads: {options.threads}\n\n{texts.table(written)}\n\n{table(rows)}")
    return 1 if any(text.widest > NEAR_TIE_NATS for text in written) else 0


def compare(
    directory: Path, gguf: Path, peer: Binding, options: argparse.Namespace
) -> tuple[list[texts.Row], list[Comparison]]:
    """The greedy texts, and the times. Raises ModelError."""
    described = describe(gguf)
    banned = sorted(described.tokenizer.controls.values())
    prompt = long_prompt(described.tokenizer)
    ours = Midfill(gguf, options.threads, options.precision)
    rivals: list[Side] = [
        fastest(
            [
                partial(
                    peer,
                    gguf,
                    banned,
                    threads=options.threads,
                    context=CONTEXT,
                    flash=flash,
                    micro_batch=size,
                )
                for size in options.micro_batches
            ],
            prompt,
        )
        for flash in (True, False)
    ]
    if not options.no_transformers and options.precision == "bf16":
        rivals.append(Transformers(directory, banned, options.threads, "bfloat16"))
    written = same_texts(ours, rivals, directory)
    rows = []
    for what, tokens, count, fresh in cases(prompt):
        measures = {side.name: partial(_measure, side, tokens, count, fresh) for side in [ours, *rivals]}
        taken = in_turns(measures, options.rounds)
        rows += compared(what, options.precision, ours.name, taken)
    return written, rows


def cases(prompt: Sequence[int]) -> list[tuple[str, Sequence[int], int, bool]]:
    """What is measured: its name, the prompt, how many tokens to write, whether the prompt is computed."""
    decodes = [(f"a token behind {depth:,}", prompt[:depth], DECODED, False) for depth in DEPTHS]
    return [*decodes, (f"a prompt of {len(prompt):,}", prompt, 1, True)]


def fastest(makers: Sequence[Callable[[], LlamaPython | LlamaServer]], prompt: Sequence[int]) -> Side:
    """The one of them that computes the prompt soonest; the others are closed."""
    if len(makers) == 1:
        return makers[0]()
    best: tuple[float, LlamaPython | LlamaServer] | None = None
    for make in makers:
        side = make()
        side.run(prompt, 1, fresh=True)
        took = side.run(prompt, 1, fresh=True).prompt_ms
        if best is None or took < best[0]:
            if best is not None:
                best[1].close()
            best = (took, side)
        else:
            side.close()
    assert best is not None
    return best[1]


def same_texts(ours: Midfill, rivals: Sequence[Side], directory: Path) -> list[texts.Row]:
    """TEXT_TOKENS of greedy text behind a cursor in each of `benchmarks/samples`."""
    described = describe(directory)
    writer = PromptWriter(described.card, described.tokenizer, ours.model.context_length)
    prompts = [writer.write(text).token_ids for text in cursors()[::CURSORS_PER_FILE]]
    mine = [ours.write(prompt, TEXT_TOKENS) for prompt in prompts]
    return [
        texts.compared(
            side.name, mine, [side.run(prompt, TEXT_TOKENS, fresh=True).tokens for prompt in prompts]
        )
        for side in rivals
    ]


def long_prompt(tokenizer: Tokenizer) -> list[int]:
    """PROMPT tokens of a real file."""
    return tokenizer.encode(TEXT.read_text(encoding="utf-8")[:20_000])[:PROMPT]


def _measure(side: Side, prompt: Sequence[int], count: int, fresh: bool) -> float:
    """Milliseconds: of the prompt if it is computed, else of a token."""
    timed = side.run(prompt, count, fresh)
    return timed.prompt_ms if fresh else timed.token_ms


def _installed() -> str:
    """The binding that is there. Raises ModelError."""
    for name in BINDINGS:
        if util.find_spec(name) is not None:
            return name
    raise ModelError("there is no llama.cpp; pip install llama-cpp-python, or xllamacpp")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine_vs_llamacpp")
    parser.add_argument("--model", type=Path, default=SHIPPED, help="a checkpoint (default: what ships)")
    parser.add_argument("--random", action="store_true", help="a larger model of random weights instead")
    parser.add_argument("--gguf", type=Path, help="the model in that precision, if it was exported before")
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16")
    parser.add_argument("--threads", type=int, default=2, help="of each side (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of turns (default: %(default)s)")
    parser.add_argument("--micro-batches", type=int, nargs="+", default=MICRO_BATCHES, metavar="N")
    parser.add_argument("--binding", choices=BINDINGS, help="which package (default: what is installed)")
    parser.add_argument("--no-transformers", action="store_true", help="leave transformers out")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
