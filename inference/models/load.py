"""A model directory to something the engine can run."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from inference.card import Card, read_json
from inference.model import ModelError
from inference.models.config import ConfigError, Qwen3MoeConfig
from inference.models.loader import load_weights
from inference.models.torch_model import TorchModel
from inference.tokenizer import Tokenizer

SHIPPED = Path(__file__).parent.parent / "weights"
MAX_THREADS = 8
"""On a CPU: half of its cores and no more than these. Threads of one operation wait for each other, and where
other work has the cores they wait long: beside one busy process on 2 cores, 2 threads took 20 times as long
for a token as 1. An editor and its compilers are always busy."""

_QWEN_CONTROLS = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>")


def load(path: Path | None = None, device: str = "auto") -> tuple[TorchModel, Tokenizer, Card]:
    """Load a Hugging Face checkpoint directory, or with None the model that ships.

    Args:
        device: "auto" takes a GPU where torch sees one; else "cpu" or "cuda".

    Raises:
        ModelError: naming the file and what is wrong with it, before weights are allocated; or the device.
    """
    directory = SHIPPED if path is None else path
    if not directory.is_dir():
        raise ModelError(f"{directory}: no such model directory")
    target = _device(device)
    try:
        config = Qwen3MoeConfig.from_file(directory / "config.json")
    except ConfigError as error:
        raise ModelError(str(error)) from error
    tokenizer = Tokenizer.from_file(directory / "tokenizer.json")
    if tokenizer.vocab_size > config.vocab_size:
        raise ModelError(
            f"{directory / 'tokenizer.json'}: {tokenizer.vocab_size} tokens, "
            f"but config.json has a vocabulary of {config.vocab_size}"
        )
    card = _card(directory, tokenizer, config)
    network = load_weights(directory, config, target, _dtype(config, target))
    if target.type == "cpu":
        torch.set_num_threads(max(1, min(len(os.sched_getaffinity(0)) // 2, MAX_THREADS)))
    return TorchModel(network, card.name), tokenizer, card


def _device(name: str) -> torch.device:
    if name not in ("auto", "cpu", "cuda"):
        raise ModelError(f"device must be auto, cpu or cuda, not {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError("device cuda was asked for, but torch sees no GPU")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _dtype(config: Qwen3MoeConfig, device: torch.device) -> torch.dtype:
    """The checkpoint's own on a GPU; float32 on a CPU."""
    stored: torch.dtype = getattr(torch, config.dtype)
    return torch.float32 if device.type == "cpu" else stored


def _card(directory: Path, tokenizer: Tokenizer, config: Qwen3MoeConfig) -> Card:
    """The card of the directory; for a checkpoint of Qwen's own, which has none, one made from its tokens."""
    path = directory / "card.json"
    stops = _end_ids(directory)
    if path.exists():
        card = Card.from_file(path)
        return card.with_stop_ids(stops)
    missing = [name for name in _QWEN_CONTROLS if name not in tokenizer.controls]
    if missing:
        raise ModelError(
            f"{directory}: no card.json, and the tokenizer has no {missing[0]}: not a model that fills gaps"
        )
    room = config.max_position // 2
    return Card(
        name=directory.resolve().name,
        format="qwen",
        prefix_tokens=min(3072, room // 2),
        suffix_tokens=min(1024, room // 4),
        snippet_tokens=min(2048, room // 4),
        max_new_tokens=512,
        stop_ids=stops,
    )


def _end_ids(directory: Path) -> tuple[int, ...]:
    """`eos_token_id` of generation_config.json. Its sampling defaults are for chat and are left alone."""
    path = directory / "generation_config.json"
    if not path.exists():
        return ()
    ends = read_json(path).get("eos_token_id")
    ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
    if not all(type(end) is int and end >= 0 for end in ends):
        raise ModelError(f"{path}: eos_token_id must be a token id or a list of them")
    return tuple(ends)
