"""The native step against the ops of kernels/reference.py: on every instruction set, in every format.

Chunks have counts of tokens on both sides of a tile's sixteen and thirty-two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from kernels import reference
from kernels.cpu import available, native
from kernels.cpu.interface import PAGE_TOKENS, Model, Sequence
from tests.kernels.packed import FORMATS, rounded, unpacked

VOCABULARY, LAYERS, CONTEXT, EPSILON = 100, 2, 256, 1e-6
EVERY = pytest.mark.parametrize("instruction_set", available())
# Of the norm of the logits. In float32 sums are reordered. Vectors multiply quantised weights with inputs of
# a byte, tiles every weight with bfloat16 inputs; the reference has float32 ones.
TOLERANCE = {"bf16": 1e-4, "int8": 2e-2, "int4": 2e-2}
TILED = 1e-2


@dataclass(frozen=True, slots=True)
class Case:
    hidden: int
    heads: int
    groups: int
    head_size: int
    experts: int
    top_k: int
    expert_size: int


CASES = {
    "two heads a group": Case(64, 4, 2, 64, 4, 2, 32),
    "three heads a group": Case(96, 3, 1, 128, 8, 2, 96),
    "one expert of many, most of them without tokens": Case(64, 2, 2, 64, 16, 1, 64),
}
EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


class Weights:
    """Random ones, packed, and as float32 what the packed ones stand for."""

    def __init__(self, case: Case, instruction_set: str, format: str) -> None:
        self.case, self.format, self.native = case, format, native(instruction_set)
        self.random = np.random.default_rng(5)
        self.tensors: dict[str, np.ndarray] = {}
        self.wide: dict[str, Tensor] = {}
        c, inner = case, case.expert_size
        qkv = (c.heads + 2 * c.groups) * c.head_size
        self.matrix("embedding", VOCABULARY, c.hidden, scale=1)
        self.vector("norm", c.hidden)
        angles = np.outer(np.arange(CONTEXT), 1e4 ** -(np.arange(0, c.head_size, 2) / c.head_size))
        self.put("cos", np.cos(angles).astype(np.float32))
        self.put("sin", np.sin(angles).astype(np.float32))
        for layer in range(LAYERS):
            at = f"layers.{layer}."
            for name in ("input_norm", "post_norm"):
                self.vector(at + name, c.hidden)
            for name in ("q_norm", "k_norm"):
                self.vector(at + name, c.head_size)
            router = self.random.standard_normal((c.experts, c.hidden), dtype=np.float32) * c.hidden**-0.5
            self.put(at + "router", router)
            self.matrix(at + "qkv", qkv, c.hidden)
            self.matrix(at + "o", c.hidden, c.heads * c.head_size)
            self.matrix(at + "gate_up", c.experts * 2 * inner, c.hidden, alternate=inner)
            self.matrix(at + "down", c.experts * c.hidden, inner)

    def put(self, name: str, values: np.ndarray) -> None:
        self.tensors[name] = values
        self.wide[name] = torch.from_numpy(values)

    def vector(self, name: str, size: int) -> None:
        self.put(name, 1 + self.random.standard_normal(size, dtype=np.float32) / 8)

    def matrix(
        self, name: str, rows: int, columns: int, alternate: int = 0, scale: float | None = None
    ) -> None:
        values = self.random.standard_normal((rows, columns), dtype=np.float32) * (scale or columns**-0.5)
        self.tensors[name] = self.native.pack(values, alternate=alternate, format=self.format)
        plain = self.native.pack(values, format=self.format)
        self.wide[name] = torch.from_numpy(unpacked(plain, rows, columns, self.format))

    def model(self, threads: int = 1) -> Model:
        c = self.case
        shape = self.native.Shape(
            vocabulary=VOCABULARY, hidden=c.hidden, layers=LAYERS, heads=c.heads, groups=c.groups,
            head_size=c.head_size, experts=c.experts, top_k=c.top_k, expert_size=c.expert_size,
            context=CONTEXT, epsilon=EPSILON, normalise=True,
        )  # fmt: skip
        return self.native.Model(shape, self.tensors, True, threads)

    def logits(self, ids: list[int]) -> np.ndarray:
        """(n, vocabulary) by the reference ops; keys and values in bfloat16, as the native cache has them."""
        x = self.wide["embedding"][ids]
        for layer in range(LAYERS):
            w = {
                name.split(".")[-1]: t for name, t in self.wide.items() if name.startswith(f"layers.{layer}.")
            }
            x = x + self.attention(reference.rms_norm(x, w["input_norm"], EPSILON), w)
            normed = reference.rms_norm(x, w["post_norm"], EPSILON)
            shares, experts = reference.route(normed, w["router"], self.case.top_k, normalise=True)
            gate_up = w["gate_up"].view(self.case.experts, -1, self.case.hidden)
            down = w["down"].view(self.case.experts, self.case.hidden, -1)
            x = x + reference.moe_experts(normed, gate_up, down, shares, experts)
        return (reference.rms_norm(x, self.wide["norm"], EPSILON) @ self.wide["embedding"].T).numpy()

    def attention(self, x: Tensor, w: dict[str, Tensor]) -> Tensor:
        c, n = self.case, len(x)
        heads = (x @ w["qkv"].T).view(n, -1, c.head_size)
        q, k, v = heads.split([c.heads, c.groups, c.groups], dim=1)
        cos, sin = self.wide["cos"][:n], self.wide["sin"][:n]
        q = reference.rope(reference.rms_norm(q, w["q_norm"], EPSILON), cos, sin)
        k = reference.rope(reference.rms_norm(k, w["k_norm"], EPSILON), cos, sin)
        k, v = (torch.from_numpy(rounded(t.contiguous().numpy())) for t in (k, v))
        return reference.attention(q, k, v).reshape(n, -1) @ w["o"].T


def new_sequence(model: Model) -> Sequence:
    return model.new_pool(-(-CONTEXT // PAGE_TOKENS)).new_sequence()


def step(model: Model, sequences: list[Sequence], ids: list[list[int]]) -> np.ndarray:
    """The logits behind the last of each, (sequences, vocabulary)."""
    return model.forward(sequences, ids, [1] * len(ids))


def token_ids(count: int, seed: int = 0) -> list[int]:
    ids: list[int] = np.random.default_rng(seed).integers(0, VOCABULARY, count).tolist()
    return ids


def assert_near(logits: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert np.linalg.norm(logits - expected) <= tolerance * np.linalg.norm(expected)


@EVERY
@pytest.mark.parametrize("format", FORMATS)
@EACH
def test_logits_equal_the_references(case: Case, format: str, instruction_set: str) -> None:
    weights = Weights(case, instruction_set, format)
    ids = token_ids(150)
    expected = weights.logits(ids)
    for threads, sizes in [(1, [15, 1, 16, 17, 33, 68]), (2, [33, 15, 31, 71])]:
        model, done = weights.model(threads), 0
        sequence = new_sequence(model)
        for size in sizes:
            logits = step(model, [sequence], [ids[done : done + size]])[0]
            done += size
            tiled = weights.native.tiles and max(sizes[: sizes.index(size) + 1]) >= 16
            assert_near(logits, expected[done - 1], max(TOLERANCE[format], TILED if tiled else 0))


@EVERY
@pytest.mark.parametrize("format", FORMATS)
def test_a_short_chunk_is_the_same_to_the_last_bit_in_every_step(format: str, instruction_set: str) -> None:
    weights = Weights(CASES["three heads a group"], instruction_set, format)
    model = weights.model(threads=2)
    prompts = [token_ids(70, 1), token_ids(40, 2), token_ids(5, 3)]
    drafts = [token_ids(15, 4), token_ids(3, 5), token_ids(4, 6)]

    def sequences():
        made = [new_sequence(model) for _ in prompts]
        for sequence, prompt in zip(made, prompts, strict=True):
            step(model, [sequence], [prompt])
        return made

    expected = []
    for sequence, draft in zip(sequences(), drafts, strict=True):
        for token in draft:
            last = step(model, [sequence], [[token]])[0]
        expected.append(last)
    for long in (False, True):  # alone, and with a prompt in tiles in the same step
        beside = [new_sequence(model)] if long else []
        logits = step(model, beside + sequences(), [token_ids(80, 7)] * len(beside) + drafts)
        for row, want in zip(logits[len(beside) :], expected, strict=True):
            np.testing.assert_array_equal(row, want)


@EVERY
def test_long_chunks_of_several_sequences_in_one_step(instruction_set: str) -> None:
    weights = Weights(CASES["two heads a group"], instruction_set, "bf16")
    model = weights.model(threads=2)
    chunks = [token_ids(count, count) for count in (3, 17, 130, 16, 1)]
    logits = step(model, [new_sequence(model) for _ in chunks], chunks)
    for row, ids in zip(logits, chunks, strict=True):
        assert_near(row, weights.logits(ids)[-1], TILED)


@EVERY
def test_formats_may_be_mixed(instruction_set: str) -> None:
    case = CASES["three heads a group"]
    mixed = Weights(case, instruction_set, "bf16")
    for name, format in [("qkv", "int8"), ("gate_up", "int4"), ("down", "int8")]:
        other = Weights(case, instruction_set, format)
        mixed.tensors[f"layers.1.{name}"] = other.tensors[f"layers.1.{name}"]
        mixed.wide[f"layers.1.{name}"] = other.wide[f"layers.1.{name}"]
    model = mixed.model()
    for count in (5, 40):
        ids = token_ids(count)
        assert_near(step(model, [new_sequence(model)], [ids])[0], mixed.logits(ids)[-1], TOLERANCE["int8"])
