// Packed weights times many rows, in tiles.
//
// A cell of bfloat16 weights is a tile as it lies. Cells of int8 and int4 are turned into such tiles, two blocks of rows
// at a time, which are then used for all rows: int8 tiles would need their sums scaled and added up on vectors after
// every 32 columns, which costs more than the products.
#pragma once

#include <algorithm>
#include <cstddef>

#include "lanes_avx512.h"
#include "matrix.h"
#include "tile_cells.h"
#include "tile_product.h"

namespace midfill {

// Floats of scratch that `tile_multiply` needs: two blocks as bfloat16, and 32 x 32 sums.
inline std::size_t tile_multiply_scratch(const Matrix& w) {
  return 2 * kBlockRows * w.columns / 2 + 4 * kRows * kRows;
}

namespace detail {

// Rows `row` to `row + 16 * kRowTiles` of x times two blocks of weights, and take() for those before `count`.
template <int kRowTiles, class Take>
void multiply_panel(const bf16* x, std::size_t columns, const bf16* b0, const bf16* b1, float* sums, Take take,
                    std::size_t row, std::size_t count) {
  using Product = TileProduct<kRowTiles>;
  const std::size_t stride = columns * sizeof(bf16);
  const bf16* a = x + row * columns;
  Product::clear();
  for (std::size_t k = 0; k < columns; k += kDepth)
    Product::add(a + k, stride, kRows * stride, b0 + k * kRows, b1 + k * kRows, kTileBytes);
  Product::store(sums, 2 * kRows);
  for (std::size_t r = row; r < std::min(row + kRows * kRowTiles, count); r++, sums += 2 * kRows)
    take(r, Avx512Lanes::load(sums), Avx512Lanes::load(sums + kRows));
}

}  // namespace detail

// take(row, block, sums) for `count` rows of x, behind each other, and the blocks from `first` to before `last`, as
// `multiply` does. Memory behind the last row is read, up to fifteen rows.
template <class Take>
void tile_multiply(const Matrix& w, std::size_t first, std::size_t last, const bf16* x, std::size_t count,
                   float* scratch, Take take) {
  float* sums = scratch;
  bf16* room = reinterpret_cast<bf16*>(scratch + 4 * kRows * kRows);
  for (std::size_t block = first; block < last; block += 2) {
    const bool both = block + 1 < last;
    const bf16* b0 = tiles_of(w, block, room);
    const bf16* b1 = both ? tiles_of(w, block + 1, room + kBlockRows * w.columns) : b0;
    const auto take_both = [&](std::size_t row, Avx512Lanes low, Avx512Lanes high) {
      take(row, block, low);
      if (both) take(row, block + 1, high);
    };
    std::size_t row = 0;
    for (; row + kRows < count; row += 2 * kRows)
      detail::multiply_panel<2>(x, w.columns, b0, b1, sums, take_both, row, count);
    if (row < count) detail::multiply_panel<1>(x, w.columns, b0, b1, sums, take_both, row, count);
  }
}

}  // namespace midfill
