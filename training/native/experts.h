// The experts of a mixture over many tokens, forward and backward.
//
// A pair is a token and one of its experts; pairs come sorted by expert. What a pair needs is gathered, computed and
// scattered in blocks that stay in the second-level cache; only the hidden values are kept for the backward pass.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "linear.h"

namespace midfill {

constexpr std::size_t kPairs = 256;  // at a time

struct Experts {
  const bf16 *x, *gate_up, *down;  // (tokens, d), (E, 2i, d), (E, d, i)
  const std::int64_t *order;       // (tokens * k): pairs, token * k + rank, sorted by expert
  const std::int64_t *ends;        // (E): where each expert's pairs end in `order`
  bf16* hidden;                    // (tokens * k, 2i), in the order of `order`
  std::size_t tokens, k, d, i, experts;
};

namespace detail {

struct Block {
  std::size_t expert, first, count;
};

inline std::vector<Block> blocks_of(const Experts& job) {
  std::vector<Block> blocks;
  for (std::size_t e = 0, first = 0; e < job.experts; e++)
    for (; first < static_cast<std::size_t>(job.ends[e]); first += blocks.back().count)
      blocks.push_back({e, first, std::min(kPairs, static_cast<std::size_t>(job.ends[e]) - first)});
  return blocks;
}

inline std::size_t padded(std::size_t count) { return (count + kPanel - 1) / kPanel * kPanel; }

// Rows of `from` that `index` names, and zeros up to a multiple of kPanel rows.
template <class Index>
void gather(const bf16* from, std::size_t width, std::size_t count, bf16* to, Index index) {
  for (std::size_t r = 0; r < count; r++) std::memcpy(to + r * width, from + index(r) * width, width * sizeof(bf16));
  std::memset(to + count * width, 0, (padded(count) - count) * width * sizeof(bf16));
}

// silu(gate) * up of `rows` rows of 2i floats.
inline void swiglu(const float* gate_up, std::size_t rows, std::size_t i, bf16* inner) {
  const __m512 one = _mm512_set1_ps(1.0f);
  for (std::size_t r = 0; r < rows; r++)
    for (std::size_t n = 0; n < i; n += 16) {
      const __m512 gate = _mm512_load_ps(gate_up + r * 2 * i + n), up = _mm512_load_ps(gate_up + r * 2 * i + i + n);
      const __m512 sigmoid = _mm512_div_ps(one, _mm512_add_ps(one, exp(_mm512_sub_ps(_mm512_setzero_ps(), gate))));
      store(inner + r * i + n, _mm512_mul_ps(_mm512_mul_ps(gate, sigmoid), up));
    }
}

// From hidden (rows, 2i) and the gradient of inner (rows, i): inner again, and the gradient of hidden.
inline void swiglu_backward(const bf16* hidden, const float* grad, std::size_t rows, std::size_t i, bf16* inner,
                            bf16* grad_hidden) {
  const __m512 one = _mm512_set1_ps(1.0f);
  for (std::size_t r = 0; r < rows; r++)
    for (std::size_t n = 0; n < i; n += 16) {
      const __m512 gate = load(hidden + r * 2 * i + n), up = load(hidden + r * 2 * i + i + n);
      const __m512 g = _mm512_load_ps(grad + r * i + n);
      const __m512 sigmoid = _mm512_div_ps(one, _mm512_add_ps(one, exp(_mm512_sub_ps(_mm512_setzero_ps(), gate))));
      const __m512 silu = _mm512_mul_ps(gate, sigmoid);
      store(inner + r * i + n, _mm512_mul_ps(silu, up));
      // d silu = sigmoid * (1 + gate * (1 - sigmoid))
      const __m512 slope = _mm512_mul_ps(sigmoid, _mm512_fmadd_ps(gate, _mm512_sub_ps(one, sigmoid), one));
      store(grad_hidden + r * 2 * i + n, _mm512_mul_ps(_mm512_mul_ps(g, up), slope));
      store(grad_hidden + r * 2 * i + i + n, _mm512_mul_ps(g, silu));
    }
}

}  // namespace detail

// out (tokens * k, d): what each pair's expert makes of its token, by pair.
inline void experts_forward(const Experts& job, bf16* out) {
  const std::size_t d = job.d, i = job.i;
  static Scratch up_tiles, down_tiles;
  bf16 *up = up_tiles.get<bf16>(job.experts * 2 * i * d), *down = down_tiles.get<bf16>(job.experts * i * d);
  Pool::instance().run(job.experts, [&](std::size_t e, int) {
    pack_transposed(job.gate_up + e * 2 * i * d, d, 2 * i, d, up + e * 2 * i * d);
    pack_transposed(job.down + e * i * d, i, d, i, down + e * i * d);
  });
  const auto blocks = detail::blocks_of(job);
  Pool::instance().run(blocks.size(), [&](std::size_t number, int) {
    static thread_local Scratch of_x, of_sums, of_inner;
    const auto [e, first, count] = blocks[number];
    const std::int64_t* pairs = job.order + first;
    bf16* x = of_x.get<bf16>(kPairs * d);
    detail::gather(job.x, d, count, x, [&](std::size_t r) { return pairs[r] / job.k; });
    float* sums = of_sums.get<float>(kPanel * std::max(2 * i, d));
    bf16* inner = of_inner.get<bf16>(kPanel * i);
    const Operand up_of = packed(up + e * 2 * i * d, d / kDepth), down_of = packed(down + e * i * d, i / kDepth);
    for (std::size_t panel = 0; panel < count; panel += kPanel) {
      const std::size_t rows = std::min(kPanel, count - panel);
      multiply(in_rows(x + panel * d, d), up_of, kPanel, 2 * i, d / kDepth, sums, 2 * i);
      convert(sums, job.hidden + (first + panel) * 2 * i, rows * 2 * i);
      detail::swiglu(sums, kPanel, i, inner);
      multiply(in_rows(inner, i), down_of, kPanel, d, i / kDepth, sums, d);
      for (std::size_t r = 0; r < rows; r++) convert(sums + r * d, out + pairs[panel + r] * d, d);
    }
  });
}

// grad_out (tokens * k, d) → grad_x (tokens, d), grad_gate_up, grad_down: overwritten. `grad_pairs` (tokens * k, d)
// is for what each pair adds to its token.
inline void experts_backward(const Experts& job, const bf16* grad_out, bf16* grad_pairs, bf16* grad_x,
                             bf16* grad_gate_up, bf16* grad_down) {
  const std::size_t d = job.d, i = job.i;
  Pool& pool = Pool::instance();
  static Scratch up_tiles, down_tiles;
  bf16 *up = up_tiles.get<bf16>(job.experts * 2 * i * d), *down = down_tiles.get<bf16>(job.experts * i * d);
  pool.run(job.experts, [&](std::size_t e, int) {
    pack(job.gate_up + e * 2 * i * d, d, 2 * i, d, up + e * 2 * i * d);
    pack(job.down + e * i * d, i, d, i, down + e * i * d);
  });
  // Each expert's blocks are one item, the largest first: a thread then sums an expert's gradients alone.
  auto blocks = detail::blocks_of(job);
  std::vector<std::vector<detail::Block>> by_expert(job.experts);
  for (const auto& block : blocks) by_expert[block.expert].push_back(block);
  std::vector<std::size_t> turn(job.experts);
  std::iota(turn.begin(), turn.end(), 0);
  std::stable_sort(turn.begin(), turn.end(),
                   [&](std::size_t a, std::size_t b) { return by_expert[a].size() > by_expert[b].size(); });
  pool.run(job.experts, [&](std::size_t item, int) {
    static thread_local Scratch of_x, of_out, of_hidden, of_inner, of_grad_inner, of_sums, of_left, of_right, of_up_sum,
        of_down_sum;
    const std::size_t e = turn[item];
    bf16 *x = of_x.get<bf16>(kPairs * d), *grad = of_out.get<bf16>(kPairs * d);
    bf16 *grad_hidden = of_hidden.get<bf16>(kPairs * 2 * i), *inner = of_inner.get<bf16>(kPairs * i);
    float *grad_inner = of_grad_inner.get<float>(kPanel * i), *sums = of_sums.get<float>(kPanel * d);
    bf16 *left = of_left.get<bf16>(kPairs * std::max(2 * i, d)), *right = of_right.get<bf16>(kPairs * std::max(i, d));
    float *up_sum = of_up_sum.get<float>(2 * i * d), *down_sum = of_down_sum.get<float>(i * d);
    std::memset(up_sum, 0, 2 * i * d * sizeof(float));
    std::memset(down_sum, 0, i * d * sizeof(float));
    const Operand up_of = packed(up + e * 2 * i * d, 2 * i / kDepth), down_of = packed(down + e * i * d, d / kDepth);
    for (const auto& block : by_expert[e]) {
      const std::int64_t* pairs = job.order + block.first;
      const std::size_t rows = detail::padded(block.count), steps = rows / kDepth;
      detail::gather(job.x, d, block.count, x, [&](std::size_t r) { return pairs[r] / job.k; });
      detail::gather(grad_out, d, block.count, grad, [&](std::size_t r) { return pairs[r]; });
      for (std::size_t panel = 0; panel < rows; panel += kPanel) {
        const std::size_t real = std::min(kPanel, block.count - panel);
        bf16 *panel_inner = inner + panel * i, *panel_hidden = grad_hidden + panel * 2 * i;
        multiply(in_rows(grad + panel * d, d), down_of, kPanel, i, d / kDepth, grad_inner, i);
        detail::swiglu_backward(job.hidden + (block.first + panel) * 2 * i, grad_inner, real, i, panel_inner,
                                panel_hidden);
        std::memset(panel_inner + real * i, 0, (kPanel - real) * i * sizeof(bf16));
        std::memset(panel_hidden + real * 2 * i, 0, (kPanel - real) * 2 * i * sizeof(bf16));
        multiply(in_rows(panel_hidden, 2 * i), up_of, kPanel, d, 2 * i / kDepth, sums, d);
        for (std::size_t r = 0; r < real; r++) convert(sums + r * d, grad_pairs + pairs[panel + r] * d, d);
      }
      pack_columns(grad, d, rows, d, left);
      pack(inner, i, rows, i, right);
      multiply(packed(left, steps), packed(right, steps), d, i, steps, down_sum, i, true);
      pack_columns(grad_hidden, 2 * i, rows, 2 * i, left);
      pack(x, d, rows, d, right);
      multiply(packed(left, steps), packed(right, steps), 2 * i, d, steps, up_sum, d, true);
    }
    convert(up_sum, grad_gate_up + e * 2 * i * d, 2 * i * d);
    convert(down_sum, grad_down + e * i * d, i * d);
  });
  constexpr std::size_t kTokens = 64;
  pool.run((job.tokens + kTokens - 1) / kTokens, [&](std::size_t part, int) {
    for (std::size_t t = part * kTokens; t < std::min(job.tokens, (part + 1) * kTokens); t++)
      for (std::size_t n = 0; n < d; n += 16) {
        __m512 sum = load(grad_pairs + t * job.k * d + n);
        for (std::size_t r = 1; r < job.k; r++) sum = _mm512_add_ps(sum, load(grad_pairs + (t * job.k + r) * d + n));
        store(grad_x + t * d + n, sum);
      }
  });
}

}  // namespace midfill
