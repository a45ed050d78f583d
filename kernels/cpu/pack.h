// Packing rows of weights, and quantising them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "matrix.h"

namespace midfill {

namespace detail {

// Thirty-two values as whole numbers without a sign, and what they are multiplied with.
struct QuantisedRun {
  half scale;
  std::uint8_t values[kColumnMultiple];
};

// value = scale * (byte - offset), to the nearest byte up to `most`; returns the squared error.
inline float quantise_run(const float* from, half scale, int offset, int most, QuantisedRun& to) {
  to.scale = scale;
  const float step = half_to_float(scale), inverse = step == 0 ? 0 : 1 / step;
  float error = 0;
  for (std::size_t i = 0; i < kColumnMultiple; i++) {
    const float byte = std::clamp(std::nearbyint(from[i] * inverse) + static_cast<float>(offset), 0.0f,
                                  static_cast<float>(most));
    to.values[i] = static_cast<std::uint8_t>(byte);
    const float lost = step * (byte - static_cast<float>(offset)) - from[i];
    error += lost * lost;
  }
  return error;
}

inline QuantisedRun quantised_run(const float* from, Format format) {
  const float extreme = *std::max_element(from, from + kColumnMultiple,
                                          [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  QuantisedRun best;
  if (format == Format::int8) {
    quantise_run(from, to_half(std::fabs(extreme) / 127), 128, 255, best);
    return best;
  }
  // Q4_0 maps the value of the largest magnitude to -8. A scale somewhat larger or smaller often leaves less error;
  // the middle one comes first, so that what Q4_0 gave is kept.
  float least = std::numeric_limits<float>::infinity();
  for (const float eighths : {8.0f, 7.0f, 7.25f, 7.5f, 7.75f, 8.25f, 8.5f, 8.75f, 9.0f, 9.5f, -7.0f, -7.5f}) {
    QuantisedRun run;
    const float error = quantise_run(from, to_half(-extreme / eighths), 8, 15, run);
    if (error < least) least = error, best = run;
  }
  return best;
}

inline void put_cell(const QuantisedRun& run, std::size_t lane, Format format, std::uint8_t* cell) {
  for (std::size_t i = 0; i < kColumnMultiple; i++)
    if (format == Format::int8)
      cell[i / 4 * 4 * kBlockRows + lane * 4 + i % 4] = run.values[i];
    else
      cell[i / 8 * 4 * kBlockRows + lane * 4 + i % 4] |= static_cast<std::uint8_t>(run.values[i] << (i % 8 / 4 * 4));
}

}  // namespace detail

// Packs a block: `rows` (up to 16) rows of `columns` floats; `to` has `shape.block_bytes()` zeros.
inline void pack_block(const float* from, std::size_t rows, const Matrix& shape, std::uint8_t* to) {
  const std::size_t columns = shape.columns;
  const float none[kColumnMultiple] = {};
  for (std::size_t cell = 0; cell < shape.cells(); cell++)
    for (std::size_t lane = 0; lane < kBlockRows; lane++) {
      const float* run = lane < rows ? from + lane * columns + cell * kColumnMultiple : none;
      std::uint8_t* at = to + cell * cell_bytes(shape.format);
      if (shape.format == Format::bf16) {
        for (std::size_t i = 0; i < kColumnMultiple; i++) {
          const bf16 value = to_bf16(run[i]);
          std::memcpy(at + (i / 2 * 2 * kBlockRows + lane * 2 + i % 2) * sizeof value, &value, sizeof value);
        }
        continue;
      }
      const detail::QuantisedRun packed = detail::quantised_run(run, shape.format);
      detail::put_cell(packed, lane, shape.format, at);
      std::memcpy(to + (scales_of(to, shape.cells(), cell, shape.format) - to) + lane * sizeof(half), &packed.scale,
                  sizeof(half));
    }
}

// Packs all of `shape`'s rows. With `alternate`, of every 2 * alternate rows the blocks of the first and of the second
// half lie in turns. row(number) is a row's floats up to the end of its block.
template <class Rows>
void pack(const Matrix& shape, std::size_t alternate, Rows rows, std::uint8_t* to) {
  for (std::size_t block = 0; block < shape.blocks(); block++) {
    std::size_t source = block;
    if (alternate) {
      const std::size_t half_blocks = alternate / kBlockRows, within = block % (2 * half_blocks);
      source = block - within + within % 2 * half_blocks + within / 2;
    }
    const std::size_t first = source * kBlockRows, count = std::min(kBlockRows, shape.rows - first);
    pack_block(rows(first, count), count, shape, to + block * shape.block_bytes());
  }
}

}  // namespace midfill
