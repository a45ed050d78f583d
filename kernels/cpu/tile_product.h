// Sixteen or thirty-two rows times thirty-two columns, kept in tiles while they are summed up.
#pragma once

#include "tile.h"

namespace midfill {

// Tiles 0 to 3 are sums: rows 0 to 15 by columns 0 to 15, the same rows by columns 16 to 31, rows 16 to 31 by both.
// Tiles 4 and 5 are rows, 6 and 7 are columns. With kRowTiles = 1 there are sixteen rows, and no tiles 2, 3 and 5.
template <int kRowTiles>
struct TileProduct {
  static void clear() {
    asm volatile("" ::: "memory");  // gcc 12 does not know that a tile load reads what was stored before
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (kRowTiles == 2) {
      _tile_zero(2);
      _tile_zero(3);
    }
  }

  // Adds thirty-two of the dimension that is summed over. The second tile of rows is `a_next` bytes behind the first;
  // strides are bytes from a row of a tile to the next.
  static void add(const void* a, std::size_t a_stride, std::size_t a_next, const void* b0, const void* b1,
                  std::size_t b_stride) {
    _tile_loadd(4, a, a_stride);
    _tile_loadd(6, b0, b_stride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b1, b_stride);
    _tile_dpbf16ps(1, 4, 7);
    if constexpr (kRowTiles == 2) {
      _tile_loadd(5, static_cast<const char*>(a) + a_next, a_stride);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }

  // Rows of the sums `stride` floats apart.
  static void store(float* to, std::size_t stride) {
    _tile_stored(0, to, stride * sizeof(float));
    _tile_stored(1, to + kRows, stride * sizeof(float));
    if constexpr (kRowTiles == 2) {
      _tile_stored(2, to + kRows * stride, stride * sizeof(float));
      _tile_stored(3, to + kRows * stride + kRows, stride * sizeof(float));
    }
  }
};

}  // namespace midfill
