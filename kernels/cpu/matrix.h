// Weights as every op reads them: sixteen rows side by side, so that one load has a column's values of all sixteen.
//
// A packed matrix of R rows and C columns is [R / 16][C / 2][16][2] bfloat16: for each pair of columns the pairs of
// sixteen rows. Rows are padded with zeros to a multiple of 16; C is a multiple of 32. The 1 KiB of 32 columns is at once
// what AMX takes as a tile (16 rows of 16 pairs).
#pragma once

#include <cstddef>
#include <cstdint>

#include "bf16.h"

namespace midfill {

constexpr std::size_t kBlockRows = 16;
constexpr std::size_t kColumnMultiple = 32;

struct Matrix {
  const bf16* data = nullptr;
  std::size_t rows = 0, columns = 0;

  std::size_t blocks() const { return (rows + kBlockRows - 1) / kBlockRows; }
  std::size_t block_size() const { return kBlockRows * columns; }
  const bf16* block(std::size_t number) const { return data + number * block_size(); }
  float at(std::size_t row, std::size_t column) const {
    return to_float(block(row / kBlockRows)[column / 2 * 2 * kBlockRows + row % kBlockRows * 2 + column % 2]);
  }
};

// Packs `rows` rows of `columns` values into blocks that are `step` blocks apart, the first at `to`.
inline void pack(const bf16* from, std::size_t rows, std::size_t columns, bf16* to, std::size_t step = 1) {
  const std::size_t blocks = (rows + kBlockRows - 1) / kBlockRows;
  for (std::size_t block = 0; block < blocks; block++) {
    bf16* at = to + block * step * kBlockRows * columns;
    for (std::size_t column = 0; column < columns; column += 2)
      for (std::size_t row = block * kBlockRows; row < (block + 1) * kBlockRows; row++)
        for (std::size_t side = 0; side < 2; side++)
          *at++ = row < rows ? from[row * columns + column + side] : bf16{0};
  }
}

}  // namespace midfill
