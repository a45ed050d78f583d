// Packed weights times a few rows, on vectors.
//
// A row's products do not depend on how many rows are computed with it, to the last bit: each of its sums is made of the
// same terms in the same order.
#pragma once

#include <algorithm>
#include <cstddef>

#include "inputs.h"
#include "matrix.h"

namespace midfill {

// Products of R blocks of bfloat16 with T rows of floats: R * T sums of sixteen, each in two halves for the latency of
// an addition.
template <class L>
struct WithFloats {
  using Row = float;

  template <std::size_t R, std::size_t T>
  static void multiply(const std::uint8_t* const (&blocks)[R], std::size_t cells, const Row* const (&x)[T],
                       L (&sums)[R][T]) {
    L evens[R][T], odds[R][T];
    for (std::size_t r = 0; r < R; r++)
      for (std::size_t t = 0; t < T; t++) evens[r][t] = odds[r][t] = L::zero();
    for (std::size_t column = 0; column < cells * kColumnMultiple; column += 2)
      for (std::size_t r = 0; r < R; r++) {
        L even, odd;
        L::load_pairs(blocks[r] + column * kBlockRows * sizeof(bf16), even, odd);
        for (std::size_t t = 0; t < T; t++) {
          evens[r][t] = even.times_plus(L::of(x[t][column]), evens[r][t]);
          odds[r][t] = odd.times_plus(L::of(x[t][column + 1]), odds[r][t]);
        }
      }
    for (std::size_t r = 0; r < R; r++)
      for (std::size_t t = 0; t < T; t++) sums[r][t] = evens[r][t] + odds[r][t];
  }
};

// Products of R quantised blocks with T quantised rows. A cell's products of whole numbers begin at what the weights'
// offset is too much by, then both scales multiply them.
template <class L, Format F>
struct WithBytes {
  using Row = InputBlock;
  using Ints = typename L::Ints;

  template <std::size_t R, std::size_t T>
  static void multiply(const std::uint8_t* const (&blocks)[R], std::size_t cells, const Row* const (&x)[T],
                       L (&sums)[R][T]) {
    for (std::size_t r = 0; r < R; r++)
      for (std::size_t t = 0; t < T; t++) sums[r][t] = L::zero();
    for (std::size_t cell = 0; cell < cells; cell++) {
      Ints whole[R][T];
      for (std::size_t r = 0; r < R; r++)
        for (std::size_t t = 0; t < T; t++) whole[r][t] = Ints::of(-offset_of(F) * x[t][cell].sum);
      add_cell(blocks, cell, x, whole);
      for (std::size_t r = 0; r < R; r++) {
        const L scale = L::load_halves(scales_of(blocks[r], cells, cell, F));
        for (std::size_t t = 0; t < T; t++)
          sums[r][t] = (whole[r][t].floats() * scale).times_plus(L::of(x[t][cell].scale), sums[r][t]);
      }
    }
  }

 private:
  template <std::size_t R, std::size_t T>
  static void add_cell(const std::uint8_t* const (&blocks)[R], std::size_t cell, const Row* const (&x)[T],
                       Ints (&whole)[R][T]) {
    constexpr std::size_t kLoad = 4 * kBlockRows, kColumns = F == Format::int8 ? 4 : 8;  // of a load
    for (std::size_t load = 0; load < cell_bytes(F) / kLoad; load++)
      for (std::size_t r = 0; r < R; r++) {
        const auto w = Ints::Weights::load(blocks[r] + cell * cell_bytes(F) + load * kLoad);
        for (std::size_t t = 0; t < T; t++) {
          const std::int8_t* bytes = x[t][cell].bytes + load * kColumns;
          if constexpr (F == Format::int8) {
            whole[r][t] = whole[r][t].plus(w, Ints::Four::load(bytes));
          } else {
            whole[r][t] = whole[r][t].plus(w.lower(), Ints::Four::load(bytes));
            whole[r][t] = whole[r][t].plus(w.upper(), Ints::Four::load(bytes + 4));
          }
        }
      }
  }
};

namespace detail {

template <class L, class With, std::size_t R, std::size_t T, class Rows, class Take>
void multiply_group(const Matrix& w, std::size_t first, std::size_t last, Rows rows, std::size_t row, Take take) {
  const typename With::Row* x[T];
  for (std::size_t t = 0; t < T; t++) x[t] = static_cast<const typename With::Row*>(rows(row + t));
  for (std::size_t block = first; block < last; block += R) {
    const std::uint8_t* blocks[R];
    for (std::size_t r = 0; r < R; r++) blocks[r] = w.block(std::min(block + r, last - 1));
    L sums[R][T];
    With::template multiply<R, T>(blocks, w.cells(), x, sums);
    for (std::size_t r = 0; r < R && block + r < last; r++)
      for (std::size_t t = 0; t < T; t++) take(row + t, block + r, sums[r][t]);
  }
}

}  // namespace detail

// take(row, block, sums) for each of `count` rows and of the blocks from `first` to before `last`: the products with
// the block's sixteen rows. rows(number) is where a row's values are, as `With` takes them. The order is free.
template <class L, class With, class Rows, class Take>
void multiply_with(const Matrix& w, std::size_t first, std::size_t last, Rows rows, std::size_t count, Take take) {
  std::size_t row = 0;
  for (; row + 4 <= count; row += 4) detail::multiply_group<L, With, 2, 4>(w, first, last, rows, row, take);
  for (; row + 2 <= count; row += 2) detail::multiply_group<L, With, 2, 2>(w, first, last, rows, row, take);
  if (row < count) detail::multiply_group<L, With, 4, 1>(w, first, last, rows, row, take);
}

// The same, rows being in the form for w's format (`form_for`). Rows of floats are not rounded to bfloat16 where there
// is an instruction for that (vdpbf16ps): the weights come no faster from memory, and logits are less exact.
template <class L, class Rows, class Take>
void multiply(const Matrix& w, std::size_t first, std::size_t last, Rows rows, std::size_t count, Take take) {
  switch (w.format) {
    case Format::bf16: return multiply_with<L, WithFloats<L>>(w, first, last, rows, count, take);
    case Format::int8: return multiply_with<L, WithBytes<L, Format::int8>>(w, first, last, rows, count, take);
    case Format::int4: return multiply_with<L, WithBytes<L, Format::int4>>(w, first, last, rows, count, take);
  }
}

}  // namespace midfill
