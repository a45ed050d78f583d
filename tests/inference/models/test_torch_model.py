"""Logits equal transformers' Qwen3MoeForCausalLM, however the tokens are fed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Qwen3MoeForCausalLM

from inference.model import ModelError
from inference.models.load import load
from tests.inference.models.variants import VARIANTS, YARN

MODELS = VARIANTS | {
    "yarn as transformers 4 wrote it": {
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
        "max_position_embeddings": 256,
    },
    "one kv head": {"num_key_value_heads": 1},
}
SMALL_CARD = {
    "name": "t", "format": "midfill-spm", "prefix_tokens": 64, "suffix_tokens": 16, "max_new_tokens": 8,
}  # fmt: skip
# float32, 32 wide, 2 layers: sums are reordered, nothing else differs.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


def token_ids(count, seed=0):
    return np.random.default_rng(seed).integers(0, 1024, count).tolist()


def reference_logits(directory: Path, ids: list[int]) -> np.ndarray:
    """(n, vocab) float32."""
    model = Qwen3MoeForCausalLM.from_pretrained(
        directory, dtype=torch.float32, experts_implementation="eager"
    )
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0].numpy()


@pytest.mark.parametrize("variant", MODELS.values(), ids=MODELS.keys())
def test_logits_equal_transformers(make_model_dir, variant):
    directory = make_model_dir(**variant)
    model, _, _ = load(directory, "cpu")
    ids = token_ids(150)
    expected = reference_logits(directory, ids)
    sequence = model.new_sequence()
    for start, stop in [(0, 1), (1, 65), (65, 149), (149, 150)]:
        logits = model.forward(sequence, ids[start:stop])
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, expected[stop - 1], **TOLERANCE)


@pytest.fixture(scope="module")
def model(tiny_model_dir):
    return load(tiny_model_dir, "cpu")[0]


def test_chunks_equal_one_pass(model):
    ids = token_ids(300)
    whole = model.forward(model.new_sequence(), ids)
    sequence = model.new_sequence()
    for start in range(0, 300, 37):
        logits = model.forward(sequence, ids[start : start + 37])
    assert sequence.length == 300
    np.testing.assert_allclose(logits, whole, **TOLERANCE)


def test_truncated_and_continued_equals_fresh(model):
    kept, dropped, new = token_ids(270, 1), token_ids(40, 2), token_ids(30, 3)
    sequence = model.new_sequence()
    model.forward(sequence, kept + dropped)
    sequence.truncate(270)
    np.testing.assert_allclose(
        model.forward(sequence, new), model.forward(model.new_sequence(), kept + new), **TOLERANCE
    )


def test_a_fork_is_independent(model):
    ids, new = token_ids(50, 1), token_ids(9, 2)
    original = model.new_sequence()
    model.forward(original, ids)
    copy = original.fork(20)
    expected = model.forward(model.new_sequence(), ids[:20] + new)
    np.testing.assert_allclose(model.forward(copy, new), expected, **TOLERANCE)
    np.testing.assert_allclose(
        model.forward(original, new), model.forward(model.new_sequence(), ids + new), **TOLERANCE
    )


def test_the_context_is_a_limit(model):
    sequence = model.new_sequence()
    model.forward(sequence, token_ids(512))
    with pytest.raises(ModelError, match="513 tokens exceed the context of 512"):
        model.forward(sequence, [1])
    assert sequence.length == 512


@pytest.mark.parametrize("ids", [[], [-1], [3, 1024]])
def test_ids_outside_the_vocabulary_are_refused(model, ids):
    with pytest.raises(ModelError, match="token ids"):
        model.forward(model.new_sequence(), ids)


def test_a_failed_pass_leaves_the_sequence_as_it_was(model, monkeypatch):
    ids, new = token_ids(20, 1), token_ids(5, 2)
    sequence = model.new_sequence()
    model.forward(sequence, ids)
    last = model._network.layers[-1]
    with monkeypatch.context() as patch:
        patch.setattr(type(last), "mix_experts", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model.forward(sequence, new)
    assert sequence.length == 20
    np.testing.assert_allclose(
        model.forward(sequence, new), model.forward(model.new_sequence(), ids + new), **TOLERANCE
    )


def test_memory_grows_in_pages_and_says_how_much(model):
    sequence = model.new_sequence()
    assert sequence.memory_bytes == 0
    model.forward(sequence, token_ids(3))
    page = 2 * 2 * 256 * 2 * 16 * 4  # keys and values, layers, tokens, kv heads, head_dim, float32
    assert sequence.memory_bytes == page
    model.forward(sequence, token_ids(254))
    assert sequence.memory_bytes == 2 * page


def test_stretched_positions_widen_the_context(make_model_dir):
    directory = make_model_dir(rope_parameters=YARN, max_position_embeddings=64, card=SMALL_CARD)
    assert load(directory, "cpu")[0].context_length == 256
