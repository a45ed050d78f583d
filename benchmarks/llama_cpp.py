"""Does llama.cpp write from a GGUF file what our own network writes from the checkpoint?

    pip install xllamacpp
    python -m training.export_gguf --model inference/weights --out midfill.gguf
    python -m benchmarks.llama_cpp --gguf midfill.gguf [--model inference/weights] [--transformers] [--json]

Greedy, up to TOKENS tokens behind each of 20 cursors in `benchmarks/samples`; nothing copied, no beam,
nothing required of the first tokens. llama.cpp gets the prompts as token ids, and once more as text, which
its own tokenizer splits. Exits 1 without xllamacpp (llama.cpp in a wheel), or where token ids led to another
token that was not nearly as likely.
"""

import argparse
import json
import math
import sys
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.model import Chunk, Model, ModelError
from inference.models.load import SHIPPED, load
from inference.prompt import PromptText, PromptWriter
from inference.tokenizer import Tokenizer

SAMPLES = Path(__file__).parent / "samples"
CURSORS_PER_FILE = 4
TOKENS = 40
# llama.cpp rounds activations to the type of the weights; unless told it also has keys and values in f16 and
# attends by its flash kernel, which alone moves the shipped model's log-probabilities by up to 0.04 nats.
# Without those and with weights in f32 they move by less than 1e-4.
NEAR_TIE_NATS = 0.2
GGML_F32, NO_FLASH_ATTENTION = 0, 0  # the numbers of ggml and llama.cpp
AS_TEXT = "llama.cpp, prompts as text"

Prompt = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """One greedy choice; `margin` is how many nats likelier it was than the second choice."""

    token_id: int
    margin: float


@dataclass(frozen=True, slots=True)
class Row:
    """`agreed` of `tokens` come before the first difference of their prompt; `widest` is the largest margin
    that our network had where llama.cpp chose otherwise, in nats."""

    side: str
    prompts: int
    same: int
    tokens: int
    agreed: int
    widest: float


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.llama_cpp", description="llama.cpp against our network."
    )
    parser.add_argument("--gguf", type=Path, required=True, help="file that training.export_gguf wrote")
    parser.add_argument("--model", type=Path, default=SHIPPED, help="the checkpoint it was made from")
    parser.add_argument("--transformers", action="store_true", help="ask transformers too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        model, tokenizer, card = load(options.model, "cpu")
        exact, usual = llama_cpp(options.gguf, exact=True), llama_cpp(options.gguf, exact=False)
    except ModelError as error:
        print(f"benchmarks.llama_cpp: {error}", file=sys.stderr)
        return 1
    writer = PromptWriter(card, tokenizer, model.context_length)
    prompts = [writer.write(text).token_ids for text in cursors()]
    ends = card.ends(tokenizer)
    ours = [until_end(greedy(model, prompt), ends) for prompt in prompts]

    def row(side: str, ask: Callable[[Prompt], list[int]]) -> Row:
        return compared(side, ours, [[i for i in ask(prompt) if i not in ends] for prompt in prompts])

    rows = [
        row("llama.cpp", lambda prompt: exact(list(prompt))),
        row("llama.cpp, its defaults", lambda prompt: usual(list(prompt))),
        row(AS_TEXT, lambda prompt: exact(as_text(prompt, tokenizer))),
    ]
    if options.transformers:
        rows.append(row("transformers", transformers(options.model, card.stop_ids)))
    print(json.dumps([asdict(r) for r in rows]) if options.json else table(rows))
    return 1 if any(r.widest > NEAR_TIE_NATS for r in rows if r.side != AS_TEXT) else 0


def cursors() -> list[PromptText]:
    """Four line starts in each sample, a fifth of the file apart."""
    texts = []
    for path in sorted(SAMPLES.iterdir()):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        for number in range(1, CURSORS_PER_FILE + 1):
            at = len(lines) * number // (CURSORS_PER_FILE + 1)
            texts.append(PromptText("".join(lines[:at]), "".join(lines[at + 1 :])))
    return texts


def greedy(model: Model, prompt: Prompt) -> list[Token]:
    sequence, waiting, tokens = model.new_sequence(), list(prompt), []
    for _ in range(TOKENS):
        logits = model.forward([Chunk(sequence, waiting)])[0][-1]
        second, best = logits.argpartition(-2)[-2:]
        tokens.append(Token(int(best), float(logits[best] - logits[second])))
        waiting = [int(best)]
    return tokens


def until_end(tokens: list[Token], ends: frozenset[int]) -> list[Token]:
    """The tokens before the first end. The end itself keeps its margin but counts as no token of text: -1."""
    for number, token in enumerate(tokens):
        if token.token_id in ends:
            return [*tokens[:number], Token(-1, token.margin)]
    return tokens


def llama_cpp(gguf: Path, exact: bool) -> Callable[[list[int] | str], list[int]]:
    """A function from a prompt to the tokens that llama.cpp writes behind it.

    Args:
        exact: keys and values in float32, and no flash attention.

    Raises:
        ModelError: xllamacpp is not installed, or llama.cpp does not load the file.
    """
    try:
        import xllamacpp
    except ImportError as error:
        raise ModelError(
            "this benchmark needs llama.cpp, and there is none; pip install xllamacpp"
        ) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.n_ctx, params.n_parallel, params.verbosity = 512, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    if exact:
        params.cache_type_k = params.cache_type_v = GGML_F32
        params.flash_attn_type = NO_FLASH_ATTENTION
    params.fit_params = params.warmup = params.ui = False
    # It insists on listening somewhere: on a socket in a folder of our own, which nothing connects to.
    folder = tempfile.TemporaryDirectory(prefix="mf")
    params.hostnames = [str(Path(folder.name) / "llama.sock")]
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelError(f"{gguf}: llama.cpp does not load it: {error}") from error

    def ask(prompt: list[int] | str) -> list[int]:
        reply: dict[str, Any] = server.handle_completions(
            {
                "prompt": prompt, "n_predict": TOKENS, "temperature": 0, "cache_prompt": False,
                "return_tokens": True, "verbose": True,
            }
        )  # fmt: skip
        return [int(token) for token in reply["__verbose"]["tokens"]]

    weakref.finalize(ask, folder.cleanup)  # the folder lives as long as the server
    return ask


def transformers(directory: Path, stop_ids: Sequence[int]) -> Callable[[Prompt], list[int]]:
    """The same question to transformers, in float32."""
    import torch
    from transformers import Qwen3MoeForCausalLM

    # Any: its mixin types `self` as a protocol that the class does not meet.
    network: Any = Qwen3MoeForCausalLM.from_pretrained(directory, dtype=torch.float32)

    def ask(prompt: Prompt) -> list[int]:
        ids = torch.tensor([prompt])
        with torch.no_grad():
            written = network.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, do_sample=False,
                eos_token_id=list(stop_ids), pad_token_id=stop_ids[0],
            )  # fmt: skip
        return [int(token) for token in written[0, len(prompt) :]]

    return ask


def as_text(prompt: Prompt, tokenizer: Tokenizer) -> str:
    names = {index: name for name, index in tokenizer.controls.items()}
    return b"".join(names[i].encode() if i in names else tokenizer.pieces[i] for i in prompt).decode()


def compared(side: str, ours: list[list[Token]], theirs: list[list[int]]) -> Row:
    same = agreed = 0
    widest = 0.0
    for mine, other in zip(ours, theirs, strict=True):
        other = [*other, *[-1] * (len(mine) > len(other))]
        pairs = zip(mine, other, strict=False)
        first = next((n for n, (token, their) in enumerate(pairs) if token.token_id != their), len(mine))
        agreed += first
        if first < len(mine):
            widest = max(widest, mine[first].margin)
        else:
            same += 1
    return Row(side, len(ours), same, sum(map(len, ours)), agreed, widest)


def table(rows: list[Row]) -> str:
    lines = [
        "| greedy against our network | prompts the same | tokens before a difference | widest margin lost |"
    ]
    lines.append("|---|---|---|---|")
    for r in rows:
        lost = f"{r.widest:.3f} nats" if not math.isclose(r.widest, 0) else "none"
        lines.append(f"| {r.side} | {r.same} of {r.prompts} | {r.agreed} of {r.tokens} | {lost} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
