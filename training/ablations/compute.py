"""Floating-point operations of training, exact enough that arms with different passes can be held equal."""

from __future__ import annotations

from inference.models.config import Qwen3MoeConfig
from training.row_format import ROW
from training.train import flops_per_token


def training_flops(config: Qwen3MoeConfig, tokens: float, length: int = ROW, share: float = 1.0) -> float:
    """Forward and backward over `tokens` in rows of `length`, the head over a `share` of them."""
    head = 6.0 * config.vocab_size * config.hidden_size
    return tokens * (flops_per_token(config, length) - head * (1.0 - share))


def forward_flops(config: Qwen3MoeConfig, tokens: float) -> float:
    """Of reading or writing tokens: a third, as the backward pass costs twice the forward pass."""
    return training_flops(config, tokens) / 3


def whole_steps(tokens: int, tokens_per_step: int) -> int:
    """`tokens` down to whole steps, at least one."""
    return max(1, tokens // tokens_per_step) * tokens_per_step


def tokens_for(budget: float, step_flops: float, tokens_per_step: int) -> int:
    """How many tokens of steps that cost `step_flops` a budget pays for, whole steps alone.

    Raises:
        ValueError: not even one step.
    """
    steps = int(budget / step_flops + 1e-9)
    if steps < 1:
        raise ValueError(f"{budget:.3g} operations are less than one step of {step_flops:.3g}")
    return steps * tokens_per_step
