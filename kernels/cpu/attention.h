// Attention of a few tokens' query heads over the pages of their sequence.
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

// sums[row][block] = sum over positions of weights[row][position] * value, for C blocks of channels from `first` on and
// Q rows of weights, `room` apart. What a row's sum is made of does not depend on Q and C.
template <class L, std::size_t Q, std::size_t C>
void weigh_values(const Sequence& sequence, std::size_t layer, std::size_t group, std::size_t pages, std::size_t first,
                  const float* weights, std::size_t room, L (&sums)[Q][C]) {
  const PageShape& shape = sequence.shape();
  for (auto& row : sums)
    for (L& sum : row) sum = L::zero();
  for (std::size_t page = 0; page < pages; page++) {
    const bf16* values = sequence.page(page).values(shape, layer, group) + 2 * first;
    const float* here = weights + page * kPage;
    for (std::size_t pair = 0; pair < kPage / 2; pair++) {
      L a[Q], b[Q];
      for (std::size_t row = 0; row < Q; row++) {
        a[row] = L::of(here[row * room + 2 * pair]);
        b[row] = L::of(here[row * room + 2 * pair + 1]);
      }
      for (std::size_t c = 0; c < C; c++) {
        L even, odd;
        L::load_pairs(values + (pair * shape.size + c * L::kWidth) * 2, even, odd);
        for (std::size_t row = 0; row < Q; row++)
          sums[row][c] = odd.times_plus(b[row], even.times_plus(a[row], sums[row][c]));
      }
    }
  }
}

// put(row, channel, sums) for all channels of Q rows, C blocks of them at a time as far as that goes.
template <class L, std::size_t Q, std::size_t C, class Put>
void weigh_rows(const Sequence& sequence, std::size_t layer, std::size_t group, std::size_t pages, const float* weights,
                std::size_t room, Put put) {
  const std::size_t size = sequence.shape().size;
  std::size_t first = 0;
  for (; first + C * L::kWidth <= size; first += C * L::kWidth) {
    L sums[Q][C];
    weigh_values(sequence, layer, group, pages, first, weights, room, sums);
    for (std::size_t row = 0; row < Q; row++)
      for (std::size_t c = 0; c < C; c++) put(row, first + c * L::kWidth, sums[row][c]);
  }
  for (; first < size; first += L::kWidth) {
    L sums[Q][1];
    weigh_values(sequence, layer, group, pages, first, weights, room, sums);
    for (std::size_t row = 0; row < Q; row++) put(row, first, sums[row][0]);
  }
}

}  // namespace detail

// Tokens that read keys and values together, so that these come from the cache once; where there are few registers, to
// take more than one token takes longer.
template <class L>
constexpr std::size_t kTogether = L::kSums >= 16 ? 4 : 1;

// Floats of scratch that `attend` needs for tokens of `heads` queries that see `seen` positions.
template <class L>
std::size_t attention_scratch(std::size_t heads, std::size_t seen) {
  return kTogether<L> * heads * ((seen + kPage - 1) / kPage * kPage + 1);
}

// Tokens behind each other in a sequence, and where their queries and answers are: of each `heads` behind each other,
// those of the next one `q_width` and `to_width` floats on.
struct Queries {
  std::size_t tokens, heads;
  const float* q;
  std::size_t q_width;
  float* to;
  std::size_t to_width;
};

// Of one key/value head, queries being rotated. Of the sequence the first token sees `seen` positions, each other one
// more than the one before. Grouped-query attention, arXiv 2305.13245.
template <class L>
void attend(const Queries& of, const Sequence& sequence, std::size_t layer, std::size_t group, std::size_t seen,
            float* scratch) {
  const PageShape& shape = sequence.shape();
  const std::size_t rows = of.tokens * of.heads, pages = (seen + of.tokens - 1 + kPage - 1) / kPage;
  const std::size_t room = pages * kPage, size = shape.size;
  const auto query = [&](std::size_t row) -> const void* {
    return of.q + row / of.heads * of.q_width + row % of.heads * size;
  };
  for (std::size_t page = 0; page < pages; page++) {
    const auto* keys = reinterpret_cast<const std::uint8_t*>(sequence.page(page).keys(shape, layer, group));
    const Matrix matrix{keys, kPage, size};
    multiply_with<L, WithFloats<L>>(matrix, 0, matrix.blocks(), query, rows,
                                    [&](std::size_t row, std::size_t block, L sums) {
                                      sums.store(scratch + row * room + page * kPage + block * kBlockRows);
                                    });
  }
  const float scale = 1.0f / std::sqrt(static_cast<float>(size));
  float* shrink = scratch + rows * room;
  for (std::size_t row = 0; row < rows; row++)
    shrink[row] = 1.0f / detail::exponentials<L>(scratch + row * room, seen + row / of.heads, room, scale);
  std::size_t row = 0;
  const auto put = [&](std::size_t more, std::size_t channel, L sums) {
    const std::size_t at = row + more;
    float* to = of.to + at / of.heads * of.to_width + at % of.heads * size;
    (sums * L::of(shrink[at])).store(to + channel);
  };
  if constexpr (L::kSums >= 16) {
    for (; row + 4 <= rows; row += 4)
      detail::weigh_rows<L, 4, L::kSums / 4>(sequence, layer, group, pages, scratch + row * room, room, put);
    for (; row + 2 <= rows; row += 2)
      detail::weigh_rows<L, 2, L::kSums / 2>(sequence, layer, group, pages, scratch + row * room, room, put);
  }
  for (; row < rows; row++)
    detail::weigh_rows<L, 1, 4>(sequence, layer, group, pages, scratch + row * room, room, put);
}

}  // namespace midfill
