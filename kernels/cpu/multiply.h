// Packed weights times a few tokens.
#pragma once

#include <algorithm>
#include <cstddef>

#include "matrix.h"

namespace midfill {

namespace detail {

// R blocks of rows, T tokens: R * T sums of sixteen, each in two halves for the latency of an addition.
template <class L, std::size_t R, std::size_t T>
void multiply_tile(const bf16* const (&blocks)[R], std::size_t columns, const float* const* x, L (&sums)[R][T]) {
  L evens[R][T], odds[R][T];
  for (std::size_t r = 0; r < R; r++)
    for (std::size_t t = 0; t < T; t++) evens[r][t] = odds[r][t] = L::zero();
  for (std::size_t column = 0; column < columns; column += 2)
    for (std::size_t r = 0; r < R; r++) {
      L even, odd;
      L::load_pairs(blocks[r] + column * kBlockRows, even, odd);
      for (std::size_t t = 0; t < T; t++) {
        evens[r][t] = even.times_plus(L::of(x[t][column]), evens[r][t]);
        odds[r][t] = odd.times_plus(L::of(x[t][column + 1]), odds[r][t]);
      }
    }
  for (std::size_t r = 0; r < R; r++)
    for (std::size_t t = 0; t < T; t++) sums[r][t] = evens[r][t] + odds[r][t];
}

template <class L, std::size_t R, std::size_t T, class Take>
void multiply_tiles(const Matrix& w, std::size_t first, std::size_t last, const float* const* x, std::size_t token,
                    Take take) {
  for (std::size_t block = first; block < last; block += R) {
    const bf16* blocks[R];
    for (std::size_t r = 0; r < R; r++) blocks[r] = w.block(std::min(block + r, last - 1));
    L sums[R][T];
    multiply_tile<L, R, T>(blocks, w.columns, x + token, sums);
    for (std::size_t r = 0; r < R && block + r < last; r++)
      for (std::size_t t = 0; t < T; t++) take(token + t, block + r, sums[r][t]);
  }
}

}  // namespace detail

// take(token, block, sums) for every token of x and block of rows from `first` to before `last`: the products with the
// block's sixteen rows. The order is free.
template <class L, class Take>
void multiply(const Matrix& w, std::size_t first, std::size_t last, const float* const* x, std::size_t tokens,
              Take take) {
  std::size_t token = 0;
  for (; token + 4 <= tokens; token += 4) detail::multiply_tiles<L, 2, 4>(w, first, last, x, token, take);
  for (; token + 2 <= tokens; token += 2) detail::multiply_tiles<L, 2, 2>(w, first, last, x, token, take);
  if (token < tokens) detail::multiply_tiles<L, 4, 1>(w, first, last, x, token, take);
}

}  // namespace midfill
