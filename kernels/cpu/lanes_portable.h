// Sixteen floats at a time, for any compiler: loops of known length that it turns into what the machine has.
//
// Every op is written over a type like this one. lanes_avx2.h and lanes_avx512.h have the same members.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bf16.h"
#include "half.h"

namespace midfill {

struct PortableLanes {
  using Ints = struct PortableInts;
  static constexpr std::size_t kWidth = 16;
  static constexpr std::size_t kSums = 4;  // that a loop can keep in registers beside what it adds
  static constexpr bool kRounds = false;  // whether `store_rounded` is there
  float v[kWidth];

  static PortableLanes zero() { return of(0.0f); }

  static PortableLanes of(float x) {
    PortableLanes r;
    for (float& lane : r.v) lane = x;
    return r;
  }

  static PortableLanes load(const float* from) {
    PortableLanes r;
    for (std::size_t i = 0; i < kWidth; i++) r.v[i] = from[i];
    return r;
  }

  void store(float* to) const {
    for (std::size_t i = 0; i < kWidth; i++) to[i] = v[i];
  }

  // Sixteen pairs that lie side by side: `even` gets the first of each, `odd` the second.
  static void load_pairs(const void* from, PortableLanes& even, PortableLanes& odd) {
    bf16 pairs[2 * kWidth];
    std::memcpy(pairs, from, sizeof pairs);
    for (std::size_t i = 0; i < kWidth; i++) {
      even.v[i] = to_float(pairs[2 * i]);
      odd.v[i] = to_float(pairs[2 * i + 1]);
    }
  }

  static PortableLanes load_halves(const std::uint8_t* from) {
    half halves[kWidth];
    std::memcpy(halves, from, sizeof halves);
    PortableLanes r;
    for (std::size_t i = 0; i < kWidth; i++) r.v[i] = half_to_float(halves[i]);
    return r;
  }

  // Rounded to whole numbers, which are from -127 to 127.
  void store_bytes(std::int8_t* to) const {
    for (std::size_t i = 0; i < kWidth; i++)
      to[i] = static_cast<std::int8_t>(static_cast<std::int32_t>(v[i] + std::copysign(0.5f, v[i])));
  }

  // this * x + y
  PortableLanes times_plus(PortableLanes x, PortableLanes y) const {
    PortableLanes r;
    for (std::size_t i = 0; i < kWidth; i++) r.v[i] = v[i] * x.v[i] + y.v[i];
    return r;
  }

  float sum() const {
    float parts[kWidth];
    for (std::size_t i = 0; i < kWidth; i++) parts[i] = v[i];
    for (std::size_t half = kWidth / 2; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; i++) parts[i] += parts[i + half];
    return parts[0];
  }

  float highest() const { return *std::max_element(v, v + kWidth); }

  PortableLanes exp() const {
    PortableLanes r;
    for (std::size_t i = 0; i < kWidth; i++) r.v[i] = std::exp(v[i]);
    return r;
  }

  friend PortableLanes operator+(PortableLanes a, PortableLanes b) {
    for (std::size_t i = 0; i < kWidth; i++) a.v[i] += b.v[i];
    return a;
  }
  friend PortableLanes operator-(PortableLanes a, PortableLanes b) {
    for (std::size_t i = 0; i < kWidth; i++) a.v[i] -= b.v[i];
    return a;
  }
  friend PortableLanes operator*(PortableLanes a, PortableLanes b) {
    for (std::size_t i = 0; i < kWidth; i++) a.v[i] *= b.v[i];
    return a;
  }
  friend PortableLanes operator/(PortableLanes a, PortableLanes b) {
    for (std::size_t i = 0; i < kWidth; i++) a.v[i] /= b.v[i];
    return a;
  }
  friend PortableLanes max(PortableLanes a, PortableLanes b) {
    for (std::size_t i = 0; i < kWidth; i++) a.v[i] = std::max(a.v[i], b.v[i]);
    return a;
  }
};

// Sixteen sums of products of bytes.
struct PortableInts {
  static constexpr std::size_t kWidth = PortableLanes::kWidth;
  std::int32_t v[kWidth];

  // Of sixteen rows four columns each, without a sign.
  struct Weights {
    std::uint8_t v[4 * kWidth];

    static Weights load(const std::uint8_t* from) {
      Weights r;
      std::memcpy(r.v, from, sizeof r.v);
      return r;
    }

    Weights lower() const {
      Weights r;
      for (std::size_t i = 0; i < sizeof r.v; i++) r.v[i] = v[i] & 15;
      return r;
    }

    Weights upper() const {
      Weights r;
      for (std::size_t i = 0; i < sizeof r.v; i++) r.v[i] = static_cast<std::uint8_t>(v[i] >> 4);
      return r;
    }
  };

  // Four of an input's bytes.
  struct Four {
    const std::int8_t* v;
    static Four load(const std::int8_t* from) { return {from}; }
  };

  static PortableInts of(std::int32_t x) {
    PortableInts r;
    for (std::int32_t& lane : r.v) lane = x;
    return r;
  }

  PortableLanes floats() const {
    PortableLanes r;
    for (std::size_t i = 0; i < kWidth; i++) r.v[i] = static_cast<float>(v[i]);
    return r;
  }

  PortableInts plus(const Weights& w, Four x) const {
    PortableInts r;
    for (std::size_t i = 0; i < kWidth; i++)
      r.v[i] = v[i] + w.v[4 * i] * x.v[0] + w.v[4 * i + 1] * x.v[1] + w.v[4 * i + 2] * x.v[2] +
               w.v[4 * i + 3] * x.v[3];
    return r;
  }
};

}  // namespace midfill
