"""Checkpoints that a forward pass has to be right for, as arguments of `make_model_dir`."""

from typing import Any

YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64}
VARIANTS: dict[str, dict[str, Any]] = {
    "tied": {},
    "untied, sharded": {"tie_word_embeddings": False, "num_shards": 3},
    "weights of the chosen experts not normalised": {"norm_topk_prob": False},
    "one expert a token": {"num_experts_per_tok": 1},
    "yarn": {"rope_parameters": YARN, "max_position_embeddings": 256},
}
