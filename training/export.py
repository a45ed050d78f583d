"""Stage 5: a run's weights as a Hugging Face checkpoint that transformers and the engine both load.

python -m training.export --run DIR --tokenizer tokenizer.json --name midfill-small --out inference/weights
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from inference.models.qwen3_moe import Qwen3Moe, Qwen3MoeLayer
from training.optimizer import MuonAdamW
from training.tokenizer import END_OF_TEXT, SPECIAL_TOKENS
from training.train import Recipe, load_checkpoint

MAX_BYTES = 64 << 20
PREFIX_TOKENS, SUFFIX_TOKENS, NAME_TOKENS, MAX_NEW_TOKENS = (
    320,
    80,
    16,
    96,
)  # inside the 512 of a training row


def hugging_face_tensors(model: Qwen3Moe) -> dict[str, Tensor]:
    """The parameters under the names of transformers' Qwen3MoeForCausalLM, fused ones split."""
    config = model.config
    tensors: dict[str, Tensor] = {
        "model.embed_tokens.weight": model.embed_tokens,
        "model.norm.weight": model.norm,
    }
    if model.lm_head is not None:
        tensors["lm_head.weight"] = model.lm_head
    h, g, c = config.num_heads, config.num_kv_heads, config.head_dim
    for index, layer in enumerate(model.layers):
        assert isinstance(layer, Qwen3MoeLayer)  # noqa: S101 - ModuleList forgets the type
        at = f"model.layers.{index}"
        q, k, v = torch.split(layer.qkv_proj, [h * c, g * c, g * c])
        tensors |= {
            f"{at}.input_layernorm.weight": layer.input_norm,
            f"{at}.self_attn.q_proj.weight": q,
            f"{at}.self_attn.k_proj.weight": k,
            f"{at}.self_attn.v_proj.weight": v,
            f"{at}.self_attn.q_norm.weight": layer.q_norm,
            f"{at}.self_attn.k_norm.weight": layer.k_norm,
            f"{at}.self_attn.o_proj.weight": layer.o_proj,
            f"{at}.post_attention_layernorm.weight": layer.post_norm,
            f"{at}.mlp.gate.weight": layer.router,
        }
        for expert in range(config.num_experts):
            gate, up = layer.gate_up[expert].chunk(2)
            tensors[f"{at}.mlp.experts.{expert}.gate_proj.weight"] = gate
            tensors[f"{at}.mlp.experts.{expert}.up_proj.weight"] = up
            tensors[f"{at}.mlp.experts.{expert}.down_proj.weight"] = layer.down[expert]
    return {name: tensor.detach().to(torch.bfloat16).contiguous().clone() for name, tensor in tensors.items()}


def config_json(recipe: Recipe) -> dict[str, object]:
    return {
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        **recipe.model,
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "router_aux_loss_coef": recipe.training.balance_weight,
        "use_sliding_window": False,
        "bos_token_id": None,
        "eos_token_id": END_OF_TEXT,
        "torch_dtype": "bfloat16",
    }


def tokenizer_config_json() -> dict[str, object]:
    """Makes transformers take tokenizer.json as it is.

    Without it, `model_type` leads to Qwen2's tokenizer, which splits text in its own way: 1.7 times as many
    tokens, and not those that the model was trained on.
    """
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": SPECIAL_TOKENS[END_OF_TEXT],
        "clean_up_tokenization_spaces": False,
    }


def export(run: Path, tokenizer: Path, name: str, out: Path, *, averaged: bool = True) -> int:
    """Write the checkpoint of `run` into `out`, every file whole, the weights last; return their bytes.

    They are the moving average of the run's weights, or the last ones.
    """
    recipe = Recipe.from_file(run / "recipe.toml")
    model = Qwen3Moe(recipe.config(), dtype=torch.bfloat16)
    optimizer = MuonAdamW(model, recipe.optimizer)
    optimizer.restore(load_checkpoint(run))
    with optimizer.averaged() if averaged else nullcontext():
        tensors = hugging_face_tensors(model)
    out.mkdir(parents=True, exist_ok=True)
    texts: dict[str, dict[str, object]] = {
        "config.json": config_json(recipe),
        "tokenizer_config.json": tokenizer_config_json(),
        "generation_config.json": {"eos_token_id": END_OF_TEXT, "do_sample": False},
        "card.json": {
            "name": name,
            "format": "midfill-spm",
            "prefix_tokens": PREFIX_TOKENS,
            "suffix_tokens": SUFFIX_TOKENS,
            "name_tokens": NAME_TOKENS,
            "max_new_tokens": MAX_NEW_TOKENS,
            "stop_ids": [END_OF_TEXT],
        },
    }
    with tempfile.TemporaryDirectory(dir=out) as folder:
        staged = Path(folder)
        for file, content in texts.items():
            (staged / file).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        shutil.copyfile(tokenizer, staged / "tokenizer.json")
        save_file(tensors, staged / "model.safetensors", metadata={"format": "pt"})
        size = (staged / "model.safetensors").stat().st_size
        if size > MAX_BYTES:
            raise SystemExit(f"training.export: {size} bytes of weights, at most {MAX_BYTES} may ship")
        for file in (*texts, "tokenizer.json", "model.safetensors"):
            (staged / file).chmod(0o644)
            (staged / file).replace(out / file)
    return size


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.export", description="Write a Hugging Face checkpoint.")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--name", required=True, help="what the model calls itself")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--last", action="store_true", help="the last weights, not their moving average")
    arguments = parser.parse_args()
    size = export(
        arguments.run, arguments.tokenizer, arguments.name, arguments.out, averaged=not arguments.last
    )
    print(f"{arguments.out}: {size / 1e6:.1f} MB of weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
