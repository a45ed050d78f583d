// Root-mean-square normalisation (arXiv 1910.07467) and rotary positions (arXiv 2104.09864), in float.
#pragma once

#include <cmath>
#include <cstddef>

namespace midfill {

// to = x / rms(x) * weight, over `size` values; `to` may be `x`.
template <class L>
void rms_norm(const float* x, const float* weight, std::size_t size, float epsilon, float* to) {
  L squares = L::zero();
  for (std::size_t i = 0; i < size; i += L::kWidth) {
    const L v = L::load(x + i);
    squares = v.times_plus(v, squares);
  }
  const L scale = L::of(1.0f / std::sqrt(squares.sum() / static_cast<float>(size) + epsilon));
  for (std::size_t i = 0; i < size; i += L::kWidth) (L::load(x + i) * scale * L::load(weight + i)).store(to + i);
}

// Turns each pair x[i], x[i + size / 2] by its angle; `cos` and `sin` have size / 2 values.
template <class L>
void rotate(float* x, const float* cos, const float* sin, std::size_t size) {
  const std::size_t half = size / 2;
  for (std::size_t i = 0; i < half; i += L::kWidth) {
    const L a = L::load(x + i), b = L::load(x + half + i), c = L::load(cos + i), s = L::load(sin + i);
    (a * c - b * s).store(x + i);
    (b * c + a * s).store(x + half + i);
  }
}

}  // namespace midfill
