"""Logits equal transformers' Qwen3MoeForCausalLM, however the tokens are fed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Qwen3MoeForCausalLM

from inference.model import Chunk, ModelError, OutOfPagesError
from inference.models.load import load
from tests.inference.models.logits import behind
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
        logits = behind(model, sequence, ids[start:stop])
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, expected[stop - 1], **TOLERANCE)


@pytest.fixture(scope="module")
def model(tiny_model_dir):
    return load(tiny_model_dir, "cpu")[0]


def test_chunks_equal_one_pass(model):
    ids = token_ids(300)
    whole = behind(model, model.new_sequence(), ids)
    sequence = model.new_sequence()
    for start in range(0, 300, 37):
        logits = behind(model, sequence, ids[start : start + 37])
    assert sequence.length == 300
    np.testing.assert_allclose(logits, whole, **TOLERANCE)


def test_a_step_over_several_sequences_equals_one_over_each(model):
    """Logits behind some tokens, behind none, behind all; long chunks and short; forks of one beginning."""
    shared = model.new_sequence()
    behind(model, shared, token_ids(40))
    counts = [(1, 1), (3, 3), (50, 0), (7, 2), (20, 1)]
    together = [shared.fork(length) for length in (40, 40, 0, 33, 12)]
    alone = [sequence.fork(sequence.length) for sequence in together]
    ids = [token_ids(length, seed) for seed, (length, _) in enumerate(counts)]
    chunks = [
        Chunk(*each, num_logits=wanted) for *each, (_, wanted) in zip(together, ids, counts, strict=True)
    ]
    found = model.forward(chunks)
    assert [len(rows) for rows in found] == [wanted for _, wanted in counts]
    for sequence, tokens, rows in zip(alone, ids, found, strict=True):
        expected = [behind(model, sequence, [token]) for token in tokens]
        for a, b in zip(rows, expected[len(tokens) - len(rows) :], strict=True):
            np.testing.assert_allclose(a, b, **TOLERANCE)
    assert [one.length for one in together] == [one.length for one in alone]


def test_what_cannot_be_in_a_step_is_refused_and_changes_nothing(model):
    first, second = model.new_sequence(), model.new_sequence()
    wrong = [
        ([Chunk(first, [1]), Chunk(first, [2])], "only once"),
        ([Chunk(first, [1]), Chunk(second, [])], "at least one"),
        ([Chunk(first, [1]), Chunk(second, [1], 2)], "no logits behind 2 of 1"),
        ([Chunk(first, [1]), Chunk(second, [1], -1)], "no logits behind -1"),
    ]
    for chunks, words in wrong:
        with pytest.raises(ModelError, match=words):
            model.forward(chunks)
    assert (first.length, second.length) == (0, 0)


def test_truncated_and_continued_equals_fresh(model):
    kept, dropped, new = token_ids(270, 1), token_ids(40, 2), token_ids(30, 3)
    sequence = model.new_sequence()
    behind(model, sequence, kept + dropped)
    sequence.truncate(270)
    np.testing.assert_allclose(
        behind(model, sequence, new),
        behind(model, model.new_sequence(), kept + new),
        **TOLERANCE,
    )


def test_a_fork_is_independent(model):
    ids, new = token_ids(50, 1), token_ids(9, 2)
    original = model.new_sequence()
    behind(model, original, ids)
    copy = original.fork(20)
    expected = behind(model, model.new_sequence(), ids[:20] + new)
    np.testing.assert_allclose(behind(model, copy, new), expected, **TOLERANCE)
    np.testing.assert_allclose(
        behind(model, original, new),
        behind(model, model.new_sequence(), ids + new),
        **TOLERANCE,
    )


def test_the_context_is_a_limit(model):
    sequence = model.new_sequence()
    behind(model, sequence, token_ids(512))
    with pytest.raises(ModelError, match="513 tokens exceed the context of 512"):
        behind(model, sequence, [1])
    assert sequence.length == 512


@pytest.mark.parametrize("ids", [[], [-1], [3, 1024]])
def test_ids_outside_the_vocabulary_are_refused(model, ids):
    with pytest.raises(ModelError, match="token ids"):
        behind(model, model.new_sequence(), ids)


def test_a_failed_pass_leaves_the_sequence_as_it_was(model, monkeypatch):
    ids, new = token_ids(20, 1), token_ids(5, 2)
    sequence = model.new_sequence()
    behind(model, sequence, ids)
    last = model._network.layers[-1]
    with monkeypatch.context() as patch:
        patch.setattr(type(last), "mix_experts", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            behind(model, sequence, new)
    assert sequence.length == 20
    np.testing.assert_allclose(
        behind(model, sequence, new),
        behind(model, model.new_sequence(), ids + new),
        **TOLERANCE,
    )


PAGE_BYTES = 2 * 2 * 256 * 2 * 16 * 4  # keys and values, layers, tokens, kv heads, head_dim, float32


def test_memory_grows_in_pages_and_a_copy_has_its_own(model):
    pool = model.new_pool(5 * PAGE_BYTES + 1)
    sequence = pool.new_sequence()
    assert (pool.num_pages, pool.num_free, sequence.pages) == (5, 5, [])
    behind(model, sequence, token_ids(3))
    assert (pool.num_free, len(sequence.pages)) == (4, 1)
    behind(model, sequence, token_ids(254))
    assert (pool.num_free, len(sequence.pages)) == (3, 2)
    copy = sequence.fork(256)
    assert pool.num_free == 2
    assert not set(copy.pages) & set(sequence.pages)
    sequence.truncate(0)
    assert pool.num_free == 4
    del copy
    assert pool.num_free == 5


def test_a_step_for_which_no_page_is_left_changes_nothing(model):
    pool = model.new_pool(2 * PAGE_BYTES)
    first, second = pool.new_sequence(), pool.new_sequence()
    behind(model, first, token_ids(200))
    behind(model, second, token_ids(200))
    for refused in (
        lambda: model.forward([Chunk(first, [1]), Chunk(second, token_ids(60))]),
        lambda: first.fork(1),
    ):
        with pytest.raises(OutOfPagesError, match="1 pages are needed, 0 of 2 are free"):
            refused()
        assert (first.length, second.length, pool.num_free) == (200, 200, 0)


def test_stretched_positions_widen_the_context(make_model_dir):
    directory = make_model_dir(rope_parameters=YARN, max_position_embeddings=64, card=SMALL_CARD)
    assert load(directory, "cpu")[0].context_length == 256
