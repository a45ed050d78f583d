// Quantised cells as tiles of bfloat16.
#pragma once

#include <cstddef>

#include "lanes_avx512.h"
#include "matrix.h"
#include "tile.h"

namespace midfill {

namespace detail {

// Byte `number` of each lane, less the weights' offset, times the lane's scale.
template <int kNumber>
__m512 scaled_byte(__m512i bytes, __m512 scale, __m512 shift) {
  const __m512i byte = _mm512_and_si512(_mm512_srli_epi32(bytes, 8 * kNumber), _mm512_set1_epi32(255));
  return _mm512_fmadd_ps(_mm512_cvtepi32_ps(byte), scale, shift);
}

// Pairs of bfloat16, `even` below `odd`, rounded to the nearest (ties away from zero).
inline __m512i paired(__m512 even, __m512 odd) {
  const __m512i half = _mm512_set1_epi32(0x8000);
  const __m512i low = _mm512_srli_epi32(_mm512_add_epi32(_mm512_castps_si512(even), half), 16);
  const __m512i high = _mm512_add_epi32(_mm512_castps_si512(odd), half);
  return _mm512_mask_blend_epi16(0xaaaaaaaa, low, high);
}

// Four columns of sixteen rows: two rows of a tile.
inline void put_four(__m512i bytes, __m512 scale, __m512 shift, bf16* to) {
  _mm512_storeu_si512(to, paired(scaled_byte<0>(bytes, scale, shift), scaled_byte<1>(bytes, scale, shift)));
  _mm512_storeu_si512(to + kDepth, paired(scaled_byte<2>(bytes, scale, shift), scaled_byte<3>(bytes, scale, shift)));
}

}  // namespace detail

// A block's tiles, one for each cell: where they are, or put at `room`, which has 16 * columns values.
inline const bf16* tiles_of(const Matrix& w, std::size_t block, bf16* room) {
  const std::uint8_t* from = w.block(block);
  if (w.format == Format::bf16) return reinterpret_cast<const bf16*>(from);
  const std::size_t columns = w.format == Format::int8 ? 4 : 8;  // of a load
  for (std::size_t cell = 0; cell < w.cells(); cell++) {
    const __m512 scale = Avx512Lanes::load_halves(scales_of(from, w.cells(), cell, w.format)).v;
    const __m512 shift = _mm512_mul_ps(scale, _mm512_set1_ps(static_cast<float>(-offset_of(w.format))));
    const std::uint8_t* bytes = from + cell * cell_bytes(w.format);
    bf16* to = room + cell * kTile;
    for (std::size_t column = 0; column < kColumnMultiple; column += columns, bytes += 4 * kBlockRows) {
      const auto weights = Avx512Ints::Weights::load(bytes);
      if (w.format == Format::int8) {
        detail::put_four(weights.v, scale, shift, to + column * kRows);
      } else {
        detail::put_four(weights.lower().v, scale, shift, to + column * kRows);
        detail::put_four(weights.upper().v, scale, shift, to + (column + 4) * kRows);
      }
    }
  }
  return room;
}

}  // namespace midfill
