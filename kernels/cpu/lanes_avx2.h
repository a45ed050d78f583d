// Sixteen floats in two AVX2 registers.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bf16.h"

namespace midfill {

struct Avx2Lanes {
  using Ints = struct Avx2Ints;
  static constexpr std::size_t kWidth = 16;
  static constexpr std::size_t kSums = 4;  // that a loop can keep in registers beside what it adds
  static constexpr bool kRounds = false;
  __m256 low, high;

  static Avx2Lanes zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Avx2Lanes of(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Avx2Lanes load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  void store(float* to) const {
    _mm256_storeu_ps(to, low);
    _mm256_storeu_ps(to + 8, high);
  }

  static void load_pairs(const void* from, Avx2Lanes& even, Avx2Lanes& odd) {
    const __m256i mask = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
    const auto* halves = static_cast<const __m256i*>(from);
    const __m256i first = _mm256_loadu_si256(halves), second = _mm256_loadu_si256(halves + 1);
    even = {_mm256_castsi256_ps(_mm256_slli_epi32(first, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(second, 16))};
    odd = {_mm256_castsi256_ps(_mm256_and_si256(first, mask)), _mm256_castsi256_ps(_mm256_and_si256(second, mask))};
  }

  static Avx2Lanes load_halves(const std::uint8_t* from) {
    const auto* halves = reinterpret_cast<const __m128i*>(from);
    return {_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
  }

  // Rounded to whole numbers.
  void store_bytes(std::int8_t* to) const {
    const __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(low), _mm256_cvtps_epi32(high));
    const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     _mm_packs_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1)));
  }

  Avx2Lanes times_plus(Avx2Lanes x, Avx2Lanes y) const {
    return {_mm256_fmadd_ps(low, x.low, y.low), _mm256_fmadd_ps(high, x.high, y.high)};
  }

  float sum() const {
    const __m256 both = _mm256_add_ps(low, high);
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }

  float highest() const {
    const __m256 both = _mm256_max_ps(low, high);
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
  }

  Avx2Lanes exp() const { return {exp_of(low), exp_of(high)}; }

  friend Avx2Lanes operator+(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  friend Avx2Lanes operator-(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  friend Avx2Lanes operator*(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  friend Avx2Lanes operator/(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
  }
  friend Avx2Lanes max(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }

 private:
  // As in lanes_avx512.h; 2^n is made of the exponent's bits.
  static __m256 exp_of(__m256 x) {
    const __m256 normal = _mm256_cmp_ps(x, _mm256_set1_ps(-87.0f), _CMP_GE_OQ);
    x = _mm256_max_ps(_mm256_min_ps(x, _mm256_set1_ps(88.0f)), _mm256_set1_ps(-87.0f));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.9875691500e-4f);
    for (const float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
      p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(c));
    p = _mm256_fmadd_ps(_mm256_mul_ps(r, r), p, _mm256_add_ps(r, _mm256_set1_ps(1.0f)));
    const __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_and_ps(normal, _mm256_mul_ps(p, _mm256_castsi256_ps(power)));
  }
};

// Sixteen sums of products of bytes.
struct Avx2Ints {
  __m256i low, high;

  // Of sixteen rows four columns each, without a sign.
  struct Weights {
    __m256i low, high;
    static Weights load(const std::uint8_t* from) {
      const auto* halves = reinterpret_cast<const __m256i*>(from);
      return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
    }
    Weights lower() const {
      const __m256i mask = _mm256_set1_epi8(15);
      return {_mm256_and_si256(low, mask), _mm256_and_si256(high, mask)};
    }
    Weights upper() const { return Weights{_mm256_srli_epi16(low, 4), _mm256_srli_epi16(high, 4)}.lower(); }
  };

  static Avx2Ints of(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  Avx2Lanes floats() const { return {_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)}; }

#if defined(__AVXVNNI__)
  // Four of an input's bytes.
  struct Four {
    __m256i v;
    static Four load(const std::int8_t* from) {
      int bytes;
      std::memcpy(&bytes, from, sizeof bytes);
      return {_mm256_set1_epi32(bytes)};
    }
  };

  Avx2Ints plus(Weights w, Four x) const {
    return {_mm256_dpbusd_avx_epi32(low, w.low, x.v), _mm256_dpbusd_avx_epi32(high, w.high, x.v)};
  }
#else
  // Four of an input's bytes as words: the first and third, the second and fourth.
  struct Four {
    __m256i even, odd;
    static Four load(const std::int8_t* from) {
      int bytes;
      std::memcpy(&bytes, from, sizeof bytes);
      const __m256i all = _mm256_set1_epi32(bytes);
      return {_mm256_srai_epi16(_mm256_slli_epi16(all, 8), 8), _mm256_srai_epi16(all, 8)};
    }
  };

  Avx2Ints plus(Weights w, Four x) const { return {plus(low, w.low, x), plus(high, w.high, x)}; }

 private:
  static __m256i plus(__m256i sum, __m256i w, const Four& x) {
    const __m256i even = _mm256_and_si256(w, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(w, 8);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(even, x.even));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(odd, x.odd));
  }
#endif
};

}  // namespace midfill
