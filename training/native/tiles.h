// Products of AMX tiles of bfloat16 (tile.h), and the packing that their layouts ask for.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "bf16.h"  // of kernels/cpu, as is the next
#include "tile.h"

namespace midfill {

// Where the tiles of an operand lie: `block` values from 16 rows (of B: columns) to the next, `step` values from 32
// of the summed dimension to the next, `stride` bytes from a row of a tile to the next.
struct Operand {
  const bf16* base;
  std::size_t block, step, stride;
  const bf16* tile(std::size_t b, std::size_t s) const { return base + b * block + s * step; }
};

// A as it lies in memory, its rows `columns` values apart.
inline Operand in_rows(const bf16* a, std::size_t columns) { return {a, kRows * columns, kDepth, columns * 2}; }

// Packed tiles, all of a block's steps behind each other.
inline Operand packed(const bf16* tiles, std::size_t steps) { return {tiles, steps * kTile, kTile, kTileBytes}; }

inline void transpose(__m512i (&r)[16]) {  // 16 x 16 of 32 bits
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// (upper[n], lower[n]) pairs of 16 columns.
inline __m512i paired(const bf16* upper, const bf16* lower) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(upper));
  const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lower));
  return _mm512_permutexvar_epi16(order, _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1));
}

inline void store_tile(bf16* to, const __m512i (&r)[16]) {
  for (int i = 0; i < 16; i++) _mm512_store_si512(to + i * kDepth, r[i]);
}

// B = w^T, where w has `columns` rows of `depth` values, `ld` apart.
inline void pack_transposed(const bf16* w, std::size_t ld, std::size_t columns, std::size_t depth, bf16* to) {
  for (std::size_t n = 0; n < columns; n += kRows)
    for (std::size_t k = 0; k < depth; k += kDepth, to += kTile) {
      __m512i r[16];
      for (std::size_t i = 0; i < kRows; i++) r[i] = _mm512_loadu_si512(w + (n + i) * ld + k);
      transpose(r);
      store_tile(to, r);
    }
}

// B = x, where x has `depth` rows of `columns` values, `ld` apart.
inline void pack(const bf16* x, std::size_t ld, std::size_t depth, std::size_t columns, bf16* to) {
  for (std::size_t n = 0; n < columns; n += kRows)
    for (std::size_t k = 0; k < depth; k += kDepth, to += kTile) {
      __m512i r[16];
      for (std::size_t p = 0; p < kRows; p++) r[p] = paired(x + (k + 2 * p) * ld + n, x + (k + 2 * p + 1) * ld + n);
      store_tile(to, r);
    }
}

// The tile of A = y^T for 32 rows and 16 columns of y.
inline void pack_tile_of_columns(const bf16* y, std::size_t ld, bf16* to) {
  __m512i r[16];
  for (std::size_t p = 0; p < kRows; p++) r[p] = paired(y + 2 * p * ld, y + (2 * p + 1) * ld);
  transpose(r);
  store_tile(to, r);
}

// A = y^T, where y has `depth` rows of `rows` values, `ld` apart.
inline void pack_columns(const bf16* y, std::size_t ld, std::size_t depth, std::size_t rows, bf16* to) {
  for (std::size_t m = 0; m < rows; m += kRows)
    for (std::size_t k = 0; k < depth; k += kDepth, to += kTile) pack_tile_of_columns(y + k * ld + m, ld, to);
}

// Two blocks of A's rows times two blocks of B's columns, over `steps` of the summed dimension: 32 x 32 floats of c.
inline void multiply_32x32(const Operand& a, std::size_t row, const Operand& b, std::size_t column, std::size_t steps,
                           float* c, std::size_t ldc, bool add) {
  const std::size_t stride = ldc * sizeof(float);
  float *c1 = c + kRows, *c2 = c + kRows * ldc, *c3 = c2 + kRows;
  if (add) {
    _tile_loadd(0, c, stride);
    _tile_loadd(1, c1, stride);
    _tile_loadd(2, c2, stride);
    _tile_loadd(3, c3, stride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const bf16 *a0 = a.tile(row, 0), *a1 = a.tile(row + 1, 0), *b0 = b.tile(column, 0), *b1 = b.tile(column + 1, 0);
  for (std::size_t s = 0; s < steps; s++) {
    _tile_loadd(4, a0 + s * a.step, a.stride);
    _tile_loadd(6, b0 + s * b.step, b.stride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b1 + s * b.step, b.stride);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a1 + s * a.step, a.stride);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c, stride);
  _tile_stored(1, c1, stride);
  _tile_stored(2, c2, stride);
  _tile_stored(3, c3, stride);
}

// c (rows x columns floats) = a * b, or c += a * b; rows and columns multiples of 32.
inline void multiply(const Operand& a, const Operand& b, std::size_t rows, std::size_t columns, std::size_t steps,
                     float* c, std::size_t ldc, bool add = false) {
  for (std::size_t m = 0; m < rows; m += 32)
    for (std::size_t n = 0; n < columns; n += 32)
      multiply_32x32(a, m / kRows, b, n / kRows, steps, c + m * ldc + n, ldc, add);
}

}  // namespace midfill
