// Sixteen floats in one AVX-512 register.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bf16.h"

namespace midfill {

struct Avx512Lanes {
  using Ints = struct Avx512Ints;
  static constexpr std::size_t kWidth = 16;
  static constexpr std::size_t kSums = 16;  // that a loop can keep in registers beside what it adds
#if defined(__AVX512BF16__)
  static constexpr bool kRounds = true;
#else
  static constexpr bool kRounds = false;
#endif
  __m512 v;

  static Avx512Lanes zero() { return {_mm512_setzero_ps()}; }
  static Avx512Lanes of(float x) { return {_mm512_set1_ps(x)}; }
  static Avx512Lanes load(const float* from) { return {_mm512_loadu_ps(from)}; }
  void store(float* to) const { _mm512_storeu_ps(to, v); }

  static void load_pairs(const void* from, Avx512Lanes& even, Avx512Lanes& odd) {
    const __m512i pairs = _mm512_loadu_si512(from);
    even.v = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
    odd.v = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }

  static Avx512Lanes load_halves(const std::uint8_t* from) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)))};
  }

  // Rounded to whole numbers.
  void store_bytes(std::int8_t* to) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
  }

#if defined(__AVX512BF16__)
  void store_rounded(bf16* to) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(v));
  }
#endif

  Avx512Lanes times_plus(Avx512Lanes x, Avx512Lanes y) const { return {_mm512_fmadd_ps(v, x.v, y.v)}; }
  float sum() const { return _mm512_reduce_add_ps(v); }
  float highest() const { return _mm512_reduce_max_ps(v); }

  // To 2 units in the last place on [-87, 88], 0 below; Cephes' reduction and polynomial.
  Avx512Lanes exp() const {
    const __mmask16 normal = _mm512_cmp_ps_mask(v, _mm512_set1_ps(-87.0f), _CMP_GE_OQ);
    const __m512 x = _mm512_min_ps(v, _mm512_set1_ps(88.0f));
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    for (const float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
      p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c));
    p = _mm512_fmadd_ps(_mm512_mul_ps(r, r), p, _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return {_mm512_maskz_scalef_ps(normal, p, n)};
  }

  friend Avx512Lanes operator+(Avx512Lanes a, Avx512Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend Avx512Lanes operator-(Avx512Lanes a, Avx512Lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend Avx512Lanes operator*(Avx512Lanes a, Avx512Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend Avx512Lanes operator/(Avx512Lanes a, Avx512Lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
  friend Avx512Lanes max(Avx512Lanes a, Avx512Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
};

// Sixteen sums of products of bytes.
struct Avx512Ints {
  __m512i v;

  // Of sixteen rows four columns each, without a sign.
  struct Weights {
    __m512i v;
    static Weights load(const std::uint8_t* from) { return {_mm512_loadu_si512(from)}; }
    Weights lower() const { return {_mm512_and_si512(v, _mm512_set1_epi8(15))}; }
    Weights upper() const { return {_mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(15))}; }
  };

  static Avx512Ints of(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
  Avx512Lanes floats() const { return {_mm512_cvtepi32_ps(v)}; }

#if defined(__AVX512VNNI__)
  // Four of an input's bytes.
  struct Four {
    __m512i v;
    static Four load(const std::int8_t* from) {
      int bytes;
      std::memcpy(&bytes, from, sizeof bytes);
      return {_mm512_set1_epi32(bytes)};
    }
  };

  Avx512Ints plus(Weights w, Four x) const { return {_mm512_dpbusd_epi32(v, w.v, x.v)}; }
#else
  // Four of an input's bytes as words: the first and third, the second and fourth.
  struct Four {
    __m512i even, odd;
    static Four load(const std::int8_t* from) {
      int bytes;
      std::memcpy(&bytes, from, sizeof bytes);
      const __m512i all = _mm512_set1_epi32(bytes);
      return {_mm512_srai_epi16(_mm512_slli_epi16(all, 8), 8), _mm512_srai_epi16(all, 8)};
    }
  };

  Avx512Ints plus(Weights w, Four x) const {
    const __m512i even = _mm512_and_si512(w.v, _mm512_set1_epi16(255)), odd = _mm512_srli_epi16(w.v, 8);
    const __m512i sum = _mm512_add_epi32(v, _mm512_madd_epi16(even, x.even));
    return {_mm512_add_epi32(sum, _mm512_madd_epi16(odd, x.odd))};
  }
#endif
};

}  // namespace midfill
