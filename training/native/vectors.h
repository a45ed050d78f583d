// Sixteen floats at a time: conversions to and from bfloat16, and the exponential.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "lanes_avx512.h"  // of kernels/cpu

namespace midfill {

inline __m512 load(const std::uint16_t* x) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

inline void store(std::uint16_t* x, __m512 v) {  // to nearest, ties to even
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(x), (__m256i)_mm512_cvtneps_pbh(v));
}

inline void convert(const float* from, std::uint16_t* to, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 16) store(to + i, _mm512_loadu_ps(from + i));
}

inline __m512 exp(__m512 x) { return Avx512Lanes{x}.exp().v; }

}  // namespace midfill
