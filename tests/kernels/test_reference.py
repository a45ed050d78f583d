"""The reference ops against the modules of transformers' Qwen3-MoE, which are the specification."""

import pytest
import torch
from transformers import Qwen3MoeConfig
from transformers.models.qwen3_moe import modeling_qwen3_moe as hf

from kernels import reference

# Both sides do the same arithmetic; what is left is the order of float32 sums of at most 123 terms of size 1.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 5), (3, 123), (2, 4, 16)])
def test_rms_norm_is_transformers(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    module = hf.Qwen3MoeRMSNorm(shape[-1], eps=1e-6).to(dtype)
    module.weight.data.normal_()
    x = torch.randn(shape, dtype=dtype) * 3
    torch.testing.assert_close(reference.rms_norm(x, module.weight, 1e-6), module(x), rtol=0, atol=0)


def test_rms_norm_of_zeros_is_zero() -> None:
    assert torch.equal(reference.rms_norm(torch.zeros(2, 8), torch.ones(8), 1e-6), torch.zeros(2, 8))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("n", "h", "z"), [(1, 1, 2), (7, 3, 16), (5, 4, 128)])
def test_rope_is_transformers(n: int, h: int, z: int, dtype: torch.dtype) -> None:
    angles = torch.outer(torch.arange(n) + 11.0, 1e4 ** -(torch.arange(0, z, 2) / z))
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    x = torch.randn(n, h, z, dtype=dtype)
    want, _ = hf.apply_rotary_pos_emb(x, x, torch.cat((cos, cos), -1), torch.cat((sin, sin), -1))
    torch.testing.assert_close(reference.rope(x, cos, sin), want, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("n", "m", "h", "g", "z"), [(1, 1, 1, 1, 4), (1, 9, 4, 2, 8), (5, 5, 4, 1, 16), (3, 12, 6, 3, 5)]
)
def test_attention_is_transformers(n: int, m: int, h: int, g: int, z: int) -> None:
    q, k, v = torch.randn(n, h, z), torch.randn(m, g, z), torch.randn(m, g, z)
    module = torch.nn.Module()
    module.num_key_value_groups = h // g  # type: ignore[assignment] # transformers reads it off the module
    mask = torch.full((n, m), float("-inf")).triu(m - n + 1)
    heads = [t.transpose(0, 1)[None] for t in (q, k, v)]
    want, _ = hf.eager_attention_forward(module.eval(), *heads, mask, scaling=z**-0.5)
    torch.testing.assert_close(reference.attention(q, k, v), want[0], **CLOSE)


def test_attention_reads_no_future() -> None:
    q, k, v = torch.randn(3, 2, 4), torch.randn(6, 2, 4), torch.randn(6, 2, 4)
    before = reference.attention(q, k, v)
    k[4:], v[4:] = 100.0, 100.0
    after = reference.attention(q, k, v)
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def block(d: int, inner: int, num_experts: int, k: int, normalise: bool) -> hf.Qwen3MoeSparseMoeBlock:
    config = Qwen3MoeConfig(
        hidden_size=d,
        moe_intermediate_size=inner,
        num_experts=num_experts,
        num_experts_per_tok=k,
        norm_topk_prob=normalise,
    )
    config._experts_implementation = "eager"
    module = hf.Qwen3MoeSparseMoeBlock(config)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return module


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize(
    ("n", "d", "inner", "num_experts", "k"), [(1, 5, 7, 4, 1), (1, 16, 8, 4, 2), (9, 123, 33, 8, 3)]
)
def test_router_and_experts_are_transformers(
    n: int, d: int, inner: int, num_experts: int, k: int, normalise: bool
) -> None:
    module = block(d, inner, num_experts, k, normalise)
    x = torch.randn(n, d)
    weights, experts = reference.route(x, module.gate.weight, k, normalise)
    _, want_weights, want_experts = module.gate(x)
    assert torch.equal(experts, want_experts)
    torch.testing.assert_close(weights, want_weights, **CLOSE)
    got = reference.moe_experts(x, module.experts.gate_up_proj, module.experts.down_proj, weights, experts)
    torch.testing.assert_close(got, module(x[None])[0], **CLOSE)


def test_route_returns_float32_weights_that_sum_to_one() -> None:
    x, weight = torch.randn(4, 16, dtype=torch.bfloat16), torch.randn(8, 16, dtype=torch.bfloat16)
    weights, experts = reference.route(x, weight, 3, normalise=True)
    assert weights.dtype is torch.float32
    assert experts.dtype is torch.int64
    torch.testing.assert_close(weights.sum(-1), torch.ones(4), rtol=0, atol=1e-6)
