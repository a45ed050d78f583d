// AMX tiles: their size, and the right to use them.
//
// C (16 x 16, float) += A (16 x 32) * B (32 x 16). A tile of A is 16 rows of 32 values. A tile of B is 16 rows, each
// of 16 pairs: row p holds B[2p][n], B[2p + 1][n] for n = 0..15 ("VNNI"). Both are 1 KiB: 512 values.
// Intel Architecture Instruction Set Extensions Programming Reference, chapter 3 (AMX).
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace midfill {

constexpr std::size_t kRows = 16;
constexpr std::size_t kDepth = 32;  // values of the dimension that is summed over
constexpr std::size_t kTile = kRows * kDepth;
constexpr std::size_t kTileBytes = 64;

// While one lives, its thread may use tiles: eight of 16 rows of 64 bytes.
class TileConfiguration {
 public:
  TileConfiguration() {
    struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } wanted;
    for (int i = 0; i < 8; i++) {
      wanted.row_bytes[i] = kTileBytes;
      wanted.rows[i] = kRows;
    }
    asm volatile("" ::"r"(&wanted) : "memory");  // gcc 12 drops the stores above without it
    _tile_loadconfig(&wanted);
  }
  ~TileConfiguration() { _tile_release(); }
  TileConfiguration(const TileConfiguration&) = delete;
  TileConfiguration& operator=(const TileConfiguration&) = delete;
};

}  // namespace midfill
