"""A checkpoint that goes on training with another tokenizer.

    python -m training.new_vocabulary --model DIR --tokenizer tokenizer.json --out DIR

Every weight stays but the embedding's rows. A token that both tokenizers have keeps its row; another gets the
mean of the rows of the tokens that the old one makes of it (Gee et al. 2022, arXiv 2402.09977). Then
`training.train --begin-with` goes on from there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.tokenizer import Tokenizer

EMBEDDINGS = ("model.embed_tokens.weight", "lm_head.weight")


def spellings(old: Tokenizer, new: Tokenizer) -> list[list[int]]:
    """For each id of `new` the ids of `old` that say the same; [] for a control token that `old` has not."""
    known = {piece: index for index, piece in enumerate(old.pieces) if piece}
    controls = {index: name for name, index in new.controls.items()}
    found = []
    for index, piece in enumerate(new.pieces):
        if index in controls:
            found.append([old.controls[controls[index]]] if controls[index] in old.controls else [])
        elif piece in known:
            found.append([known[piece]])
        else:
            found.append(_spelled(piece, old, known))
    return found


def _spelled(piece: bytes, old: Tokenizer, known: dict[bytes, int]) -> list[int]:
    try:
        return old.encode(piece.decode())
    except UnicodeDecodeError:  # a part of a character
        return [known[bytes([byte])] for byte in piece]


def transferred(rows: Tensor, spelled: list[list[int]]) -> Tensor:
    """(old vocabulary, d) → (len(spelled), d); a token with no spelling gets the mean of all rows."""
    mean = rows.float().mean(0)
    return torch.stack([rows[ids].float().mean(0) if ids else mean for ids in spelled]).to(rows.dtype)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="training.new_vocabulary", description="Give a checkpoint another tokenizer."
    )
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint of one weights file")
    parser.add_argument("--tokenizer", type=Path, required=True, help="the new tokenizer.json")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    arguments = parser.parse_args()
    old = Tokenizer.from_file(arguments.model / "tokenizer.json")
    new = Tokenizer.from_file(arguments.tokenizer)
    spelled = spellings(old, new)
    tensors = load_file(arguments.model / "model.safetensors")
    for name in EMBEDDINGS:
        if name in tensors:
            tensors[name] = transferred(tensors[name], spelled)
    arguments.out.mkdir(parents=True)
    config = json.loads((arguments.model / "config.json").read_text(encoding="utf-8"))
    config["vocab_size"] = len(spelled)
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(arguments.tokenizer, arguments.out / "tokenizer.json")
    save_file(tensors, arguments.out / "model.safetensors", metadata={"format": "pt"})
    kept = sum(len(ids) == 1 for ids in spelled)
    print(f"{arguments.out}: {kept} of {len(spelled)} tokens were known, the others are means")
    return 0


if __name__ == "__main__":
    sys.exit(main())
