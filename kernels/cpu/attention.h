// Attention of one token's query heads over the pages of its sequence.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "multiply.h"
#include "pages.h"

namespace midfill {

namespace detail {

// Scores against `seen` keys to e^(score - highest); those behind are 0. Returns their sum.
template <class L>
float exponentials(float* scores, std::size_t seen, std::size_t room, float scale) {
  std::fill(scores + seen, scores + room, -1e30f);
  L top = L::of(-1e30f);
  for (std::size_t i = 0; i < room; i += L::kWidth) top = max(top, L::load(scores + i));
  const L offset = L::of(-top.highest() * scale), factor = L::of(scale);
  L total = L::zero();
  for (std::size_t i = 0; i < room; i += L::kWidth) {
    const L weight = L::load(scores + i).times_plus(factor, offset).exp();
    weight.store(scores + i);
    total = total + weight;
  }
  return total.sum();
}

// to[head][channel] = sum over positions of weights[head][position] * value, for C blocks of channels from `first` on.
template <class L, std::size_t C>
void weigh_values(const Sequence& sequence, std::size_t layer, std::size_t group, std::size_t pages, std::size_t first,
                  const float* weights, L (&sums)[C]) {
  const PageShape& shape = sequence.shape();
  for (L& sum : sums) sum = L::zero();
  for (std::size_t page = 0; page < pages; page++) {
    const bf16* values = sequence.page(page).values(shape, layer, group) + 2 * first;
    const float* here = weights + page * kPage;
    for (std::size_t pair = 0; pair < kPage / 2; pair++) {
      const L a = L::of(here[2 * pair]), b = L::of(here[2 * pair + 1]);
      for (std::size_t c = 0; c < C; c++) {
        L even, odd;
        L::load_pairs(values + (pair * shape.size + c * L::kWidth) * 2, even, odd);
        sums[c] = odd.times_plus(b, even.times_plus(a, sums[c]));
      }
    }
  }
}

}  // namespace detail

// Floats of scratch that `attend` needs for `heads` queries that see `seen` positions.
inline std::size_t attention_scratch(std::size_t heads, std::size_t seen) {
  return heads * ((seen + kPage - 1) / kPage * kPage);
}

// q: `heads` queries of one key/value head, rotated, behind each other; to: the same of the answers. The first `seen`
// positions of the sequence are visible. Grouped-query attention, arXiv 2305.13245.
template <class L>
void attend(const float* q, std::size_t heads, const Sequence& sequence, std::size_t layer, std::size_t group,
            std::size_t seen, float* scratch, float* to) {
  const PageShape& shape = sequence.shape();
  const std::size_t pages = (seen + kPage - 1) / kPage, room = pages * kPage, size = shape.size;
  const auto queries = [&](std::size_t h) -> const void* { return q + h * size; };
  for (std::size_t page = 0; page < pages; page++) {
    const auto* keys = reinterpret_cast<const std::uint8_t*>(sequence.page(page).keys(shape, layer, group));
    const Matrix matrix{keys, kPage, size};
    multiply_with<L, WithFloats<L>>(matrix, 0, matrix.blocks(), queries, heads,
                                    [&](std::size_t h, std::size_t block, L sums) {
                                      sums.store(scratch + h * room + page * kPage + block * kBlockRows);
                                    });
  }
  const float scale = 1.0f / std::sqrt(static_cast<float>(size));
  for (std::size_t h = 0; h < heads; h++) {
    float* weights = scratch + h * room;
    const L shrink = L::of(1.0f / detail::exponentials<L>(weights, seen, room, scale));
    std::size_t channel = 0;
    const auto put = [&](const L* sums, std::size_t count) {
      for (std::size_t c = 0; c < count; c++, channel += L::kWidth) (sums[c] * shrink).store(to + h * size + channel);
    };
    while (channel + 4 * L::kWidth <= size) {
      L sums[4];
      detail::weigh_values<L, 4>(sequence, layer, group, pages, channel, weights, sums);
      put(sums, 4);
    }
    while (channel < size) {
      L sums[1];
      detail::weigh_values<L, 1>(sequence, layer, group, pages, channel, weights, sums);
      put(sums, 1);
    }
  }
}

}  // namespace midfill
