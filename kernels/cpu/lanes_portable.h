// Sixteen floats at a time, for any compiler: loops of known length that it turns into what the machine has.
//
// Every op is written over a type like this one. lanes_avx2.h and lanes_avx512.h have the same members.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "bf16.h"

namespace midfill {

struct PortableLanes {
  static constexpr std::size_t kWidth = 16;
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
  static void load_pairs(const bf16* from, PortableLanes& even, PortableLanes& odd) {
    for (std::size_t i = 0; i < kWidth; i++) {
      even.v[i] = to_float(from[2 * i]);
      odd.v[i] = to_float(from[2 * i + 1]);
    }
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

}  // namespace midfill
