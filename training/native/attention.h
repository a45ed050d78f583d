// Causal attention of rows of tokens, forward and backward, by blocks that skip what lies above the diagonal.
//
// The backward pass computes the probabilities again from the kept logarithms of their sums (FlashAttention-2, arXiv
// 2307.08691). Queries of a group share keys and values. Layout (batch, T, heads, c): a head's rows are strided.
#pragma once

#include <cmath>

#include "linear.h"

namespace midfill {

struct Attention {
  const bf16 *q, *k, *v;  // (batch, T, h, c), (batch, T, g, c) twice
  bf16* out;              // (batch, T, h, c)
  float* normaliser;      // (batch, h, T): log of the sum of the exponentials of the scaled scores
  std::size_t batch, length, h, g, c;
};

namespace detail {

// Scores of kPanel queries against the first `keys` keys, scaled; those of later keys are -infinity.
inline void scores_of(const Attention& job, const bf16* q, const Operand& keys, std::size_t first, float* scores) {
  const std::size_t seen = first + kPanel;
  multiply({q, kRows * job.h * job.c, kDepth, job.h * job.c * 2}, keys, kPanel, seen, job.c / kDepth, scores,
           job.length);
  for (std::size_t r = 0; r < kPanel; r++)
    for (std::size_t n = first + r + 1; n < seen; n++) scores[r * job.length + n] = -1e30f;
}

}  // namespace detail

inline void attention_forward(const Attention& job) {
  const std::size_t T = job.length, c = job.c, shared = job.h / job.g;
  const __m512 scale = _mm512_set1_ps(1.0f / std::sqrt(static_cast<float>(c)));
  Pool::instance().run(job.batch * job.g, [&](std::size_t item, int) {
    static thread_local Scratch of_keys, of_values, of_scores, of_chances, of_sums;
    const std::size_t row = item / job.g, group = item % job.g;
    bf16 *keys = of_keys.get<bf16>(T * c), *values = of_values.get<bf16>(T * c);
    pack_transposed(job.k + (row * T * job.g + group) * c, job.g * c, T, c, keys);
    pack(job.v + (row * T * job.g + group) * c, job.g * c, T, c, values);
    float *scores = of_scores.get<float>(kPanel * T), *sums = of_sums.get<float>(kPanel * c);
    bf16* chances = of_chances.get<bf16>(kPanel * T);
    for (std::size_t head = group * shared; head < (group + 1) * shared; head++)
      for (std::size_t first = 0; first < T; first += kPanel) {
        const std::size_t seen = first + kPanel, at = ((row * T + first) * job.h + head) * c;
        detail::scores_of(job, job.q + at, packed(keys, c / kDepth), first, scores);
        float shrink[kPanel];
        for (std::size_t r = 0; r < kPanel; r++) {
          float* line = scores + r * T;
          __m512 top = _mm512_load_ps(line);
          for (std::size_t n = 16; n < seen; n += 16) top = _mm512_max_ps(top, _mm512_load_ps(line + n));
          const float highest = _mm512_reduce_max_ps(top);
          const __m512 offset = _mm512_mul_ps(_mm512_set1_ps(highest), scale);
          __m512 total = _mm512_setzero_ps();
          for (std::size_t n = 0; n < seen; n += 16) {
            const __m512 chance = exp(_mm512_fmsub_ps(_mm512_load_ps(line + n), scale, offset));
            total = _mm512_add_ps(total, chance);
            store(chances + r * T + n, chance);
          }
          const float sum = _mm512_reduce_add_ps(total);
          shrink[r] = 1.0f / sum;
          job.normaliser[(row * job.h + head) * T + first + r] = _mm512_cvtss_f32(offset) + std::log(sum);
        }
        // Values are packed for all T keys, of which the first `seen` are summed.
        multiply(in_rows(chances, T), packed(values, T / kDepth), kPanel, c, seen / kDepth, sums, c);
        for (std::size_t r = 0; r < kPanel; r++)
          for (std::size_t n = 0; n < c; n += 16)
            store(job.out + at + r * job.h * c + n,
                  _mm512_mul_ps(_mm512_load_ps(sums + r * c + n), _mm512_set1_ps(shrink[r])));
      }
  });
}

// Gradients of q, k and v, overwritten, from that of `out`.
inline void attention_backward(const Attention& job, const bf16* grad_out, bf16* grad_q, bf16* grad_k, bf16* grad_v) {
  const std::size_t T = job.length, c = job.c, shared = job.h / job.g, steps = T / kDepth;
  const float factor = 1.0f / std::sqrt(static_cast<float>(c));
  const __m512 scale = _mm512_set1_ps(factor);
  Pool::instance().run(job.batch * job.g, [&](std::size_t item, int) {
    static thread_local Scratch of_keys, of_rows, of_values, of_scores, of_slopes, of_chances, of_grad, of_chances_t,
        of_grad_t, of_queries, of_out, of_sums, of_sum_k, of_sum_v;
    const std::size_t row = item / job.g, group = item % job.g, stride = job.h * c;
    bf16 *keys = of_keys.get<bf16>(T * c), *key_rows = of_rows.get<bf16>(T * c), *values = of_values.get<bf16>(T * c);
    const bf16 *k = job.k + (row * T * job.g + group) * c, *v = job.v + (row * T * job.g + group) * c;
    pack_transposed(k, job.g * c, T, c, keys);
    pack(k, job.g * c, T, c, key_rows);
    pack_transposed(v, job.g * c, T, c, values);
    float *scores = of_scores.get<float>(kPanel * T), *slopes = of_slopes.get<float>(kPanel * T);
    bf16 *chances = of_chances.get<bf16>(kPanel * T), *grad = of_grad.get<bf16>(kPanel * T);
    bf16 *chances_t = of_chances_t.get<bf16>(T * T), *grad_t = of_grad_t.get<bf16>(T * T);  // as A: keys by queries
    bf16 *queries = of_queries.get<bf16>(T * c), *outs = of_out.get<bf16>(T * c);           // as B
    float *sums = of_sums.get<float>(kPanel * c), *sum_k = of_sum_k.get<float>(T * c), *sum_v = of_sum_v.get<float>(T * c);
    for (std::size_t head = group * shared; head < (group + 1) * shared; head++) {
      pack(job.q + (row * T * job.h + head) * c, stride, T, c, queries);
      pack(grad_out + (row * T * job.h + head) * c, stride, T, c, outs);
      for (std::size_t first = 0; first < T; first += kPanel) {
        const std::size_t seen = first + kPanel, at = ((row * T + first) * job.h + head) * c;
        detail::scores_of(job, job.q + at, packed(keys, c / kDepth), first, scores);
        multiply({grad_out + at, kRows * stride, kDepth, stride * 2}, packed(values, c / kDepth), kPanel, seen,
                 c / kDepth, slopes, T);
        for (std::size_t r = 0; r < kPanel; r++) {
          __m512 product = _mm512_setzero_ps();
          for (std::size_t n = 0; n < c; n += 16)
            product = _mm512_fmadd_ps(load(grad_out + at + r * stride + n), load(job.out + at + r * stride + n), product);
          const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(product));
          const __m512 offset = _mm512_set1_ps(job.normaliser[(row * job.h + head) * T + first + r]);
          for (std::size_t n = 0; n < seen; n += 16) {
            const __m512 chance = exp(_mm512_fmsub_ps(_mm512_load_ps(scores + r * T + n), scale, offset));
            store(chances + r * T + n, chance);
            const __m512 slope = _mm512_sub_ps(_mm512_load_ps(slopes + r * T + n), mean);
            store(grad + r * T + n, _mm512_mul_ps(_mm512_mul_ps(chance, slope), scale));
          }
        }
        for (std::size_t n = 0; n < seen; n += kRows) {
          const std::size_t tile = ((n / kRows) * steps + first / kDepth) * kTile;
          pack_tile_of_columns(chances + n, T, chances_t + tile);
          pack_tile_of_columns(grad + n, T, grad_t + tile);
        }
        multiply(in_rows(grad, T), packed(key_rows, steps), kPanel, c, seen / kDepth, sums, c);
        for (std::size_t r = 0; r < kPanel; r++) convert(sums + r * c, grad_q + at + r * stride, c);
      }
      // Key n is seen by queries from n on.
      for (std::size_t n = 0; n < T; n += kPanel) {
        const std::size_t skipped = n / kDepth, left = steps - skipped;
        auto behind = [&](const bf16* tiles) {
          Operand all = packed(tiles, steps);
          all.base += skipped * kTile;
          return all;
        };
        Operand of_chances_here = behind(chances_t), of_grad_here = behind(grad_t);
        of_chances_here.base += n / kRows * of_chances_here.block;
        of_grad_here.base += n / kRows * of_grad_here.block;
        multiply(of_chances_here, behind(outs), kPanel, c, left, sum_v + n * c, c, head > group * shared);
        multiply(of_grad_here, behind(queries), kPanel, c, left, sum_k + n * c, c, head > group * shared);
      }
    }
    for (std::size_t n = 0; n < T; n++) {
      const std::size_t at = ((row * T + n) * job.g + group) * c;
      convert(sum_k + n * c, grad_k + at, c);
      convert(sum_v + n * c, grad_v + at, c);
    }
  });
}

}  // namespace midfill
