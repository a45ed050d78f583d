"""A deeper checkpoint to go on training from: the layers of a trained one, several times over.

    python -m training.stack_layers --model DIR --times 2 --out DIR

All layers in order, then all of them again: of the ways to grow a model, the one from which training gets
furthest for its time (G_stack: Du et al. 2024, arXiv 2405.15319). What it says at first is worse than what
the smaller one says. `training.train --begin-with` goes on from there, with a recipe of as many layers; best
from weights whose learning rate has not fallen yet (`training.export --last`).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

_LAYER = re.compile(r"(model\.layers\.)(\d+)(\..+)")


def stacked(tensors: dict[str, Tensor], times: int) -> dict[str, Tensor]:
    """The same tensors, with layer i of n under the names of i, n + i, 2n + i, … as well.

    Raises:
        ValueError: there are no layers.
    """
    layers = [match for match in map(_LAYER.fullmatch, tensors) if match]
    if not layers:
        raise ValueError("a checkpoint without layers cannot be stacked")
    depth = 1 + max(int(match[2]) for match in layers)
    deeper = {name: tensor for name, tensor in tensors.items() if not _LAYER.fullmatch(name)}
    for match in layers:
        for turn in range(times):
            name = f"{match[1]}{turn * depth + int(match[2])}{match[3]}"
            deeper[name] = tensors[match[0]].clone()
    return deeper


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.stack_layers", description="Make a checkpoint deeper.")
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint of one weights file")
    parser.add_argument("--times", type=int, default=2, help="how often the layers are there in the new one")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    arguments = parser.parse_args()
    if arguments.times < 1:
        parser.error("--times must be at least 1")
    tensors = stacked(load_file(arguments.model / "model.safetensors"), arguments.times)
    config = json.loads((arguments.model / "config.json").read_text(encoding="utf-8"))
    config["num_hidden_layers"] *= arguments.times
    arguments.out.mkdir(parents=True)
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(arguments.model / "tokenizer.json", arguments.out / "tokenizer.json")
    save_file(tensors, arguments.out / "model.safetensors", metadata={"format": "pt"})
    count = sum(tensor.numel() for tensor in tensors.values())
    print(f"{arguments.out}: {config['num_hidden_layers']} layers, {count / 1e6:.1f}M parameters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
