// Head projection and weighted cross entropy, forward and backward in one: no logits leave the second-level cache.
//
// Two passes over the vocabulary for each chunk of positions: the first finds the normaliser of the softmax, the
// second computes the logits again and makes gradients of them, as FlashAttention (arXiv 2205.14135) does of scores.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "linear.h"

namespace midfill {

constexpr std::size_t kPositions = 256;  // of a chunk
constexpr std::size_t kWords = 256;      // of the vocabulary at a time

struct CrossEntropy {
  const bf16 *x, *head;         // (count, depth), (vocabulary, depth)
  const std::int64_t* targets;  // (count)
  const float* weights;         // (count): what a position's loss counts
  bf16 *grad_x, *grad_head;     // of the weighted sum
  std::size_t count, depth, vocabulary;
};

namespace detail {

// Log of the sum of exponentials of each of kPositions columns.
inline void normalisers(const CrossEntropy& job, const Operand& positions, float* logits, float* result) {
  alignas(64) float top[kPositions], sum[kPositions];
  std::fill_n(top, kPositions, -1e30f);
  std::fill_n(sum, kPositions, 0.0f);
  for (std::size_t word = 0; word < job.vocabulary; word += kPanel) {
    multiply(in_rows(job.head + word * job.depth, job.depth), positions, kPanel, kPositions, job.depth / kDepth,
             logits, kPositions);
    for (std::size_t n = 0; n < kPositions; n += 16) {
      const __m512 before = _mm512_load_ps(top + n);
      __m512 highest = before;
      for (std::size_t w = 0; w < kPanel; w++)
        highest = _mm512_max_ps(highest, _mm512_load_ps(logits + w * kPositions + n));
      __m512 total = _mm512_mul_ps(_mm512_load_ps(sum + n), exp(_mm512_sub_ps(before, highest)));
      for (std::size_t w = 0; w < kPanel; w++)
        total = _mm512_add_ps(total, exp(_mm512_sub_ps(_mm512_load_ps(logits + w * kPositions + n), highest)));
      _mm512_store_ps(top + n, highest);
      _mm512_store_ps(sum + n, total);
    }
  }
  for (std::size_t n = 0; n < kPositions; n++) result[n] = top[n] + std::log(sum[n]);
}

}  // namespace detail

// Returns the weighted sum of -log p(target).
inline double cross_entropy(const CrossEntropy& job) {
  Pool& pool = Pool::instance();
  const std::size_t depth = job.depth, steps = depth / kDepth, size = job.vocabulary * depth;
  static Scratch head_tiles;
  bf16* head = head_tiles.get<bf16>(size);  // as B, kWords rows of the head at a time
  pool.run(job.vocabulary / kWords, [&](std::size_t part, int) {
    pack(job.head + part * kWords * depth, depth, kWords, depth, head + part * kWords * depth);
  });
  const std::size_t chunks = (job.count + kPositions - 1) / kPositions;
  std::vector<double> losses(chunks, 0.0);

  static Shares sums;
  sums.run(chunks, size, [&](std::size_t chunk, float* grad_head, bool add) {
    static thread_local Scratch rows_of_x, as_columns, as_depth, of_logits, of_gradient, of_tiles, of_grad_x;
    const std::size_t first = chunk * kPositions, count = std::min(kPositions, job.count - first);
    bf16* x = rows_of_x.get<bf16>(kPositions * depth);
    std::memcpy(x, job.x + first * depth, count * depth * sizeof(bf16));
    std::memset(x + count * depth, 0, (kPositions - count) * depth * sizeof(bf16));
    bf16* columns = as_columns.get<bf16>(kPositions * depth);
    pack_transposed(x, depth, kPositions, depth, columns);
    bf16* summed = as_depth.get<bf16>(kPositions * depth);
    pack(x, depth, kPositions, depth, summed);
    const Operand positions = packed(columns, steps);

    float* logits = of_logits.get<float>(kPanel * kPositions);
    alignas(64) float normaliser[kPositions], weight[kPositions];
    detail::normalisers(job, positions, logits, normaliser);
    for (std::size_t n = 0; n < kPositions; n++) weight[n] = n < count ? job.weights[first + n] : 0.0f;

    bf16* gradient = of_gradient.get<bf16>(kWords * kPositions);  // (word, position)
    bf16* tiles = of_tiles.get<bf16>(kWords * kPositions);        // the same as A, by position
    float* grad_x = of_grad_x.get<float>(kPositions * depth);
    for (std::size_t word = 0; word < job.vocabulary; word += kWords) {
      for (std::size_t panel = 0; panel < kWords; panel += kPanel) {
        multiply(in_rows(job.head + (word + panel) * depth, depth), positions, kPanel, kPositions, steps, logits,
                 kPositions);
        for (std::size_t n = 0; n < count; n++) {
          const std::size_t row = static_cast<std::size_t>(job.targets[first + n]) - word - panel;
          if (row < kPanel)
            losses[chunk] += double(weight[n]) * (normaliser[n] - logits[row * kPositions + n]);
        }
        for (std::size_t w = 0; w < kPanel; w++)
          for (std::size_t n = 0; n < kPositions; n += 16) {
            const __m512 logit = _mm512_load_ps(logits + w * kPositions + n);
            const __m512 chance = exp(_mm512_sub_ps(logit, _mm512_load_ps(normaliser + n)));
            store(gradient + (panel + w) * kPositions + n, _mm512_mul_ps(chance, _mm512_load_ps(weight + n)));
          }
        for (std::size_t n = 0; n < count; n++) {
          const std::size_t row = static_cast<std::size_t>(job.targets[first + n]) - word - panel;
          if (row >= kPanel) continue;
          bf16* at = gradient + (panel + row) * kPositions + n;
          const float chance = std::exp(logits[row * kPositions + n] - normaliser[n]);
          *at = _mm_cvtsi128_si32((__m128i)_mm_cvtneps_pbh(_mm_set_ss((chance - 1.0f) * weight[n])));
        }
      }
      pack_columns(gradient, kPositions, kWords, kPositions, tiles);
      multiply(packed(tiles, kWords / kDepth), packed(head + word * depth, kWords / kDepth), kPositions, depth,
               kWords / kDepth, grad_x, depth, word > 0);
      multiply(in_rows(gradient, kPositions), packed(summed, kPositions / kDepth), kWords, depth, kPositions / kDepth,
               grad_head + word * depth, depth, add);
    }
    convert(grad_x, job.grad_x + first * depth, count * depth);
  });
  sums.total(size, job.grad_head);
  double loss = 0.0;
  for (const double part : losses) loss += part;
  return loss;
}

}  // namespace midfill
