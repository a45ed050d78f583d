"""The angles of rotary positions (arXiv 2104.09864), for whatever computes them. Needs no torch."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from inference.models.config import Qwen3MoeConfig

Float32 = npt.NDArray[np.float32]


def rope_frequencies(config: Qwen3MoeConfig) -> Float32:
    """Radians a position for each of the c/2 rotated pairs; YaRN interpolates the slow ones.

    YaRN (arXiv 2309.00071, section 3.2): pairs that turn more than `beta_fast` times over the original
    context keep their frequency, those below `beta_slow` are divided by `factor`, a ramp lies between.
    """
    c, base, scaling = config.head_dim, config.rope_theta, config.rope_scaling
    frequencies: Float32 = (1.0 / base ** (np.arange(0, c, 2, dtype=np.float32) / c)).astype(np.float32)
    if scaling is None:
        return frequencies

    def pair_of(turns: float) -> float:
        return c * math.log(scaling.original_max_position / (turns * 2 * math.pi)) / (2 * math.log(base))

    low = max(math.floor(pair_of(scaling.beta_fast)), 0)
    high = min(math.ceil(pair_of(scaling.beta_slow)), c - 1)
    ramp = ((np.arange(c // 2, dtype=np.float32) - low) / max(high - low, 0.001)).clip(0, 1)
    stretched: Float32 = (frequencies / scaling.factor * ramp + frequencies * (1 - ramp)).astype(np.float32)
    return stretched


def rotation(config: Qwen3MoeConfig, length: int) -> tuple[Float32, Float32]:
    """cos and sin of the positions below `length`, (length, c/2) each, YaRN's scale applied."""
    scale = config.rope_scaling.attention_scale if config.rope_scaling else 1.0
    angles = np.arange(length, dtype=np.float32)[:, None] * rope_frequencies(config)
    return (np.cos(angles) * scale).astype(np.float32), (np.sin(angles) * scale).astype(np.float32)
