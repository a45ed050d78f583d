"""A checkpoint of random weights, larger than the one that ships: for speed, not for text.

    python -m benchmarks.random_model DIRECTORY

83M parameters, 19M of them for a token, in bfloat16; tokenizer and card are the shipped model's.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from inference.models.checkpoint import slots
from inference.models.config import Qwen3MoeConfig
from inference.models.load import SHIPPED

SHAPE = {
    "hidden_size": 512, "num_hidden_layers": 12, "num_attention_heads": 8, "num_key_value_heads": 2,
    "head_dim": 64, "num_experts": 20, "num_experts_per_tok": 2, "moe_intermediate_size": 192,
}  # fmt: skip


def write_random_model(directory: Path, shape: dict[str, int], seed: int = 0) -> None:
    """Write the checkpoint into a directory that exists."""
    for name in ("tokenizer.json", "card.json", "generation_config.json"):
        shutil.copyfile(SHIPPED / name, directory / name)
    data = json.loads((SHIPPED / "config.json").read_text(encoding="utf-8")) | shape
    (directory / "config.json").write_text(json.dumps(data), encoding="utf-8")
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for slot in slots(Qwen3MoeConfig.from_json(data)):
        drawn = torch.randn(slot.shape, generator=generator) * 0.02
        weights[slot.name] = (drawn + slot.name.endswith("norm.weight")).bfloat16()
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    write_random_model(target, SHAPE)
