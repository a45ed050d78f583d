// Weights as every op reads them: sixteen rows side by side, so that one load has a column's values of all sixteen.
//
// A packed matrix of R rows and C columns is R / 16 blocks; rows are padded with zeros to a multiple of 16, C is a
// multiple of 32. A block is C / 32 cells of 16 rows by 32 columns, behind them the cells' scales:
//
//   bf16  a cell is [16][16][2] bfloat16: for each pair of columns the pairs of sixteen rows. It is a tile for AMX.
//   int8  a cell is [8][16][4] bytes, each 128 more than its value: for each four columns the fours of sixteen rows,
//         what one vpdpbusd takes. A value is scale * (byte - 128).
//   int4  a cell is [4][16][4] bytes: in the lower halves columns 8j to 8j + 3 of sixteen rows, in the upper halves
//         8j + 4 to 8j + 7. A value is scale * (half byte - 8).
//
// Scales are [C / 32][16] in half precision, one for 32 columns of a row, as in GGUF's Q8_0 and Q4_0. A block of int8 or
// int4 is padded to a multiple of 64 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bf16.h"
#include "half.h"

namespace midfill {

constexpr std::size_t kBlockRows = 16;
constexpr std::size_t kColumnMultiple = 32;
constexpr std::size_t kCellValues = kBlockRows * kColumnMultiple;

enum class Format { bf16, int8, int4 };

// What is added to a value so that it has no sign.
constexpr int offset_of(Format format) { return format == Format::int8 ? 128 : 8; }

constexpr std::size_t cell_bytes(Format format) {
  return format == Format::bf16 ? kCellValues * sizeof(bf16) : format == Format::int8 ? kCellValues : kCellValues / 2;
}

struct Matrix {
  const std::uint8_t* data = nullptr;
  std::size_t rows = 0, columns = 0;
  Format format = Format::bf16;

  std::size_t blocks() const { return (rows + kBlockRows - 1) / kBlockRows; }
  std::size_t cells() const { return columns / kColumnMultiple; }  // of a block
  std::size_t block_bytes() const {
    if (format == Format::bf16) return cells() * cell_bytes(format);
    return (cells() * (cell_bytes(format) + kBlockRows * sizeof(half)) + 63) / 64 * 64;
  }
  std::size_t bytes() const { return blocks() * block_bytes(); }
  const std::uint8_t* block(std::size_t number) const { return data + number * block_bytes(); }

  // Rows `first` to before `first + count`, both multiples of 16.
  Matrix part(std::size_t first, std::size_t count) const {
    return {block(first / kBlockRows), count, columns, format};
  }

  float at(std::size_t row, std::size_t column) const;
};

// Where sixteen rows' scales of a cell are.
inline const std::uint8_t* scales_of(const std::uint8_t* block, std::size_t cells, std::size_t cell, Format format) {
  return block + cells * cell_bytes(format) + cell * kBlockRows * sizeof(half);
}

inline float Matrix::at(std::size_t row, std::size_t column) const {
  const std::size_t cell = column / kColumnMultiple, lane = row % kBlockRows, within = column % kColumnMultiple;
  const std::uint8_t* all = block(row / kBlockRows);
  const std::uint8_t* from = all + cell * cell_bytes(format);
  if (format == Format::bf16) {
    bf16 value;
    std::memcpy(&value, from + (within / 2 * 2 * kBlockRows + lane * 2 + within % 2) * sizeof value, sizeof value);
    return to_float(value);
  }
  half scale;
  std::memcpy(&scale, scales_of(all, cells(), cell, format) + lane * sizeof scale, sizeof scale);
  int value;
  if (format == Format::int8)
    value = from[within / 4 * 4 * kBlockRows + lane * 4 + within % 4];
  else
    value = from[within / 8 * 4 * kBlockRows + lane * 4 + within % 4] >> (within % 8 / 4 * 4) & 15;
  return half_to_float(scale) * static_cast<float>(value - offset_of(format));
}

}  // namespace midfill
