"""The pass that trains computes what the pass that serves computes, and its own gradients are right."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from inference.models.config import Qwen3MoeConfig
from inference.models.qwen3_moe import Qwen3Moe
from training.network import TrainingNetwork
from training.train import initialise

CONFIG = Qwen3MoeConfig(
    vocab_size=97,
    hidden_size=32,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    head_dim=8,
    num_experts=4,
    experts_per_token=2,
    expert_size=24,
    max_position=1024,
    tie_word_embeddings=True,
    dtype="float32",
)


class NoCache:
    length = 0

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        return keys, values


@pytest.fixture
def model() -> Qwen3Moe:
    model = Qwen3Moe(CONFIG)
    initialise(model, seed=3)
    return model


def batch(rows: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(0, CONFIG.vocab_size, (rows, length + 1), generator=generator)
    weights = torch.randint(0, 4, (rows, length), generator=generator).float()
    return ids[:, :-1], ids[:, 1:], weights


# 300 and 513 leave a short last block of attention; 17 is shorter than one.
@pytest.mark.parametrize("length", [17, 300, 513])
def test_hidden_states_equal_the_engines(model: Qwen3Moe, length: int) -> None:
    input_ids, _, _ = batch(2, length)
    with torch.no_grad():
        trained = TrainingNetwork(model, compiled=False).hidden(input_ids)[0]
        served = torch.stack([model(row, NoCache()) for row in input_ids])
    # float32 in another order of summation; hidden states are of order 1.
    torch.testing.assert_close(trained, served, rtol=0, atol=2e-5)


@pytest.mark.parametrize("device", ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
def test_loss_and_gradients_equal_autograds(device: str) -> None:
    model = Qwen3Moe(CONFIG, device)
    initialise(model, seed=3)
    input_ids, targets, weights = (x.to(device) for x in batch(2, 300))
    parameters = list(model.parameters())
    logits = model.logits(torch.stack([model(row, NoCache()) for row in input_ids])).view(
        -1, CONFIG.vocab_size
    )
    losses = F.cross_entropy(logits, targets.reshape(-1), reduction="none")
    expected = (losses * weights.reshape(-1)).sum() / weights.sum()
    loss = TrainingNetwork(model, compiled=False).loss(input_ids, targets, weights)[0]
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)
    for ours, theirs in zip(
        torch.autograd.grad(loss, parameters), torch.autograd.grad(expected, parameters), strict=True
    ):
        assert (ours - theirs).norm() <= 1e-4 * theirs.norm()


def test_router_losses_are_one_and_small_when_balanced(model: Qwen3Moe) -> None:
    for layer in model.layers:
        layer.router.data.zero_()
    _, routing = TrainingNetwork(model, compiled=False).hidden(batch(1, 64)[0])
    assert routing.balance(routing.counts).item() == pytest.approx(1.0)
    assert routing.z_loss.item() == pytest.approx(torch.tensor(4.0).log().item() ** 2, rel=1e-5)
