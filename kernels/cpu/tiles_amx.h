// The tiles of a library for AMX.
#pragma once

#include "lanes_avx512.h"
#include "tile.h"
#include "tile_attention.h"
#include "tile_multiply.h"
#include "tiles.h"

namespace midfill {

template <>
struct Tiles<Avx512Lanes> {
  static constexpr bool kAvailable = true;
  using Configuration = TileConfiguration;

  static std::size_t multiply_scratch(const Matrix& w) { return tile_multiply_scratch(w); }
  static std::size_t attend_scratch(std::size_t seen, std::size_t size) { return tile_attend_scratch(seen, size); }

  template <class Take>
  static void multiply(const Matrix& w, std::size_t first, std::size_t last, const bf16* x, std::size_t count,
                       float* scratch, Take take) {
    tile_multiply(w, first, last, x, count, scratch, take);
  }
  static void attend(const TileQueries& queries, const Sequence& sequence, std::size_t layer, std::size_t group,
                     float* scratch, float* to, std::size_t to_step) {
    tile_attend(queries, sequence, layer, group, scratch, to, to_step);
  }
};

}  // namespace midfill
