"""Native logits equal torch's on every instruction set this machine has, however the tokens are fed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from inference.model import Chunk, ModelError, OutOfPagesError
from inference.models.config import Qwen3MoeConfig
from inference.models.load import load
from inference.models.loader import load_weights
from inference.models.native_model import NativeModel, NativePool, NativeSequence
from kernels.cpu import NativeError, available
from tests.inference.models.logits import behind
from tests.inference.models.variants import VARIANTS
from tests.inference.token_sequence import TokenPool, TokenSequence

WIDE = {"hidden_size": 64, "head_dim": 32, "moe_intermediate_size": 32}
MODELS = VARIANTS | {
    "one kv head, wide ones": {"num_key_value_heads": 1, "head_dim": 96},
    "experts of 96": {"moe_intermediate_size": 96},
}
# float32 throughout but for what both round: weights, keys and values. Sums are reordered, nothing else
# differs; a key on the edge between two bfloat16 numbers may be rounded to the other one.
TOLERANCE = 2e-3


def token_ids(count: int, seed: int = 0) -> list[int]:
    ids: list[int] = np.random.default_rng(seed).integers(0, 1024, count).tolist()
    return ids


class RoundedCache:
    """Keeps keys and values as the native model does, in bfloat16."""

    length = 0

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        return keys.bfloat16().float(), values.bfloat16().float()


def reference_logits(directory: Path, ids: list[int]) -> np.ndarray:
    """(n, vocab) float32 by the model that is tested against transformers, in one pass."""
    config = Qwen3MoeConfig.from_file(directory / "config.json")
    model = load_weights(directory, config, torch.device("cpu"), torch.bfloat16).float()
    with torch.inference_mode():
        logits: np.ndarray = model.logits(model(torch.tensor(ids), RoundedCache())).numpy()
    return logits


def native_model(directory: Path, instruction_set: str | None = None, threads: int = 1) -> NativeModel:
    config = Qwen3MoeConfig.from_file(directory / "config.json")
    return NativeModel(directory, config, "wide", threads, instruction_set)


def feed(model: NativeModel, sequence: NativeSequence, ids: list[int]) -> np.ndarray:
    """The logits behind the last of `ids`, in chunks too short for tiles.

    Those round what they multiply, from which a random model makes other logits; their tolerance is in
    tests/kernels/test_native_forward.py.
    """
    for start in range(0, len(ids), 15):
        logits = behind(model, sequence, ids[start : start + 15])
    return logits


def assert_near(logits: np.ndarray, expected: np.ndarray) -> None:
    assert logits.dtype == np.float32
    assert np.linalg.norm(logits - expected) <= TOLERANCE * np.linalg.norm(expected)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, make_model_dir) -> Path:
    return make_model_dir(**WIDE)


@pytest.fixture(scope="module")
def model(directory: Path) -> NativeModel:
    return native_model(directory)


def test_it_was_built() -> None:
    assert "portable" in available()


@pytest.mark.parametrize("instruction_set", available())
@pytest.mark.parametrize("variant", MODELS.values(), ids=MODELS.keys())
def test_logits_equal_torchs(make_model_dir, variant, instruction_set) -> None:
    directory = make_model_dir(**(WIDE | variant))
    model = native_model(directory, instruction_set, threads=2)
    ids = token_ids(150)
    expected = reference_logits(directory, ids)
    sequence = model.new_sequence()
    for start, stop in [(0, 1), (1, 64), (64, 67), (67, 149), (149, 150)]:
        assert_near(feed(model, sequence, ids[start:stop]), expected[stop - 1])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(directory: Path, threads: int) -> None:
    ids = token_ids(70)
    alone, many = native_model(directory), native_model(directory, threads=threads)
    np.testing.assert_array_equal(
        behind(alone, alone.new_sequence(), ids), behind(many, many.new_sequence(), ids)
    )


def test_a_step_over_several_sequences_equals_one_over_each(model: NativeModel) -> None:
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
        if len(tokens) <= model.max_exact_tokens:  # else in tiles, which round otherwise
            expected = [behind(model, sequence, [token]) for token in tokens][len(tokens) - len(rows) :]
        else:
            expected = list(model.forward([Chunk(sequence, tokens, len(rows))])[0])
        for a, b in zip(rows, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    assert [one.length for one in together] == [one.length for one in alone]


def test_what_cannot_be_in_a_step_is_refused_and_changes_nothing(model: NativeModel) -> None:
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


@pytest.mark.parametrize("length", [1, 31, 32, 33, 64])
def test_a_fork_shares_what_it_has_and_writes_its_own(model: NativeModel, length: int) -> None:
    ids = token_ids(66)
    sequence = model.new_sequence()
    feed(model, sequence, ids)
    fork = sequence.fork(length)
    assert (fork.length, sequence.length) == (length, 66)
    other = behind(model, fork, [7, 8, 9])
    fresh = model.new_sequence()
    feed(model, fresh, ids[:length])
    np.testing.assert_allclose(other, behind(model, fresh, [7, 8, 9]), rtol=0, atol=1e-4)
    whole = model.new_sequence()
    feed(model, whole, ids)
    np.testing.assert_array_equal(behind(model, sequence, [5]), behind(model, whole, [5]))


def test_truncating_forgets(model: NativeModel) -> None:
    ids = token_ids(80)
    sequence = model.new_sequence()
    feed(model, sequence, ids)
    pages = list(sequence.pages)
    sequence.truncate(33)
    assert (sequence.length, sequence.pages) == (33, pages[:2])
    fresh = model.new_sequence()
    feed(model, fresh, ids[:33])
    np.testing.assert_allclose(
        behind(model, sequence, ids[40:45]), behind(model, fresh, ids[40:45]), rtol=0, atol=1e-4
    )


def test_what_cannot_be_is_refused_and_leaves_the_sequence(model: NativeModel) -> None:
    sequence = model.new_sequence()
    expected = behind(model, sequence, [1, 2, 3])
    wrong = {(): "at least one", (1024,): "0 to 1023", (-1,): "0 to 1023", (1,) * 600: "context"}
    for ids, words in wrong.items():
        with pytest.raises(ModelError, match=words):
            behind(model, sequence, ids)
    for length in (-1, 4):
        with pytest.raises(ValueError, match="cannot"):
            sequence.truncate(length)
        with pytest.raises(ValueError, match="cannot"):
            sequence.fork(length)
    assert sequence.length == 3
    again = model.new_sequence()
    np.testing.assert_array_equal(behind(model, again, [1, 2, 3]), expected)


def pool_of(model: NativeModel, num_pages: int) -> NativePool:
    config = 2 * 2 * 2 * 32 * 2  # keys and values, layers, key/value heads, a head's size, bytes of bfloat16
    pool = model.new_pool(num_pages * 32 * config)
    assert (pool.num_pages, pool.num_free, pool.page_tokens) == (num_pages, num_pages, 32)
    return pool


def test_a_step_for_which_no_page_is_left_changes_nothing(model: NativeModel) -> None:
    ids = token_ids(64)
    pool = pool_of(model, 4)
    first, second = pool.new_sequence(), pool.new_sequence()
    behind(model, first, ids)
    behind(model, second, ids[:33])
    second.truncate(20)
    kept, free = list(second.pages), pool.num_free
    with pytest.raises(OutOfPagesError, match="every page"):
        model.forward([Chunk(second, ids[20:40]), Chunk(first, ids[:1])])
    assert (first.length, second.length, list(second.pages), pool.num_free) == (64, 20, kept, free)
    first.truncate(0)
    fresh = model.new_sequence()
    behind(model, fresh, ids[:20])
    np.testing.assert_array_equal(
        model.forward([Chunk(second, ids[20:40])])[0], model.forward([Chunk(fresh, ids[20:40])])[0]
    )


def test_a_page_that_was_used_is_as_good_as_new(model: NativeModel) -> None:
    """Positions behind the last are masked, whatever another sequence left there."""
    pool = pool_of(model, 1)
    expected = behind(model, model.new_sequence(), [1, 2, 3])
    for seed in range(3):
        behind(model, pool.new_sequence(), token_ids(32, seed))
        np.testing.assert_array_equal(behind(model, pool.new_sequence(), [1, 2, 3]), expected)


@settings(max_examples=60)
# No room for all of it: none is taken.
@example(steps=[("new", 0, 1), ("add", 0, 65), ("fork", 0, 7), ("add", 1, 90)])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["new", "fork", "add", "cut", "drop"]), st.integers(0, 99), st.integers(1, 90)
        ),
        max_size=25,
    )
)
def test_pages_are_shared_and_counted_as_in_a_simple_pool(model: NativeModel, steps) -> None:
    """The same forks, appends and cuts in the pool that the engine's tests use, with pages as long."""
    pool, simple = pool_of(model, 6), TokenPool(6)
    simple.page_tokens = 32
    pairs: list[tuple[NativeSequence, TokenSequence]] = []
    for step, which, count in steps:
        if step == "new" or not pairs:
            pairs.append((pool.new_sequence(), simple.new_sequence()))
            continue
        real, known = pairs[which % len(pairs)]
        length = count % (known.length + 1)
        if step == "fork":
            pairs.append((real.fork(length), known.fork(length)))
        elif step == "cut":
            real.truncate(length)
            known.truncate(length)
        elif step == "drop":
            del pairs[which % len(pairs)], real, known
        else:
            try:
                known.append([5] * count)
            except OutOfPagesError:
                with pytest.raises(OutOfPagesError):
                    model.forward([Chunk(real, [5] * count, 0)])
            else:
                model.forward([Chunk(real, [5] * count, 0)])
        assert pool.num_free == simple.num_free
        assert [one.length for one, _ in pairs] == [one.length for _, one in pairs]
        assert [len(one.pages) for one, _ in pairs] == [len(one.pages) for _, one in pairs]


def test_a_sequence_of_another_model_is_refused(model: NativeModel, make_model_dir) -> None:
    other = native_model(make_model_dir(**(WIDE | {"num_key_value_heads": 1})))
    with pytest.raises(ValueError, match="another model"):
        behind(model, other.new_sequence(), [1])


def test_the_context_can_be_filled_to_its_end(model: NativeModel) -> None:
    sequence = model.new_sequence()
    ids = token_ids(model.context_length)
    behind(model, sequence, ids[:-1])
    assert np.isfinite(behind(model, sequence, ids[-1:])).all()
    with pytest.raises(ModelError, match="context"):
        behind(model, sequence, [1])


def test_loading_takes_native_code_on_a_cpu_where_the_model_fits(make_model_dir, directory: Path) -> None:
    assert load(directory, "cpu")[0].device == f"cpu ({available()[0]}, bf16)"
    assert load(directory, "cpu", "torch")[0].device == "cpu"
    narrow = make_model_dir(hidden_size=48)
    assert load(narrow, "cpu")[0].device == "cpu"
    with pytest.raises(ModelError, match="hidden_size is 48"):
        load(narrow, "cpu", "native")
    with pytest.raises(ModelError, match="for the CPU"):
        load(directory, "cuda", "native")


def test_an_instruction_set_is_chosen_by_the_environment(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIDFILL_ISA", "portable")
    assert native_model(directory).device == "cpu (portable, bf16)"
    monkeypatch.setenv("MIDFILL_ISA", "sse9")
    with pytest.raises(NativeError, match="sse9: no such instruction set; there are amx, avx512_vnni,"):
        native_model(directory)
    with pytest.raises(ModelError, match="sse9"):
        load(directory, "cpu")
