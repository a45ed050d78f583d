// IEEE half precision, which scales are kept in.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace midfill {

using half = std::uint16_t;

inline float half_to_float(half x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x & 0x7fff) << 13;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  value *= 0x1p112f;  // the exponents' biases differ by 112
  return x & 0x8000 ? -value : value;
}

// To the nearest, ties to even; what is too large for a half becomes infinite.
inline half to_half(float value) {
  const half sign = std::signbit(value) ? 0x8000 : 0;
  const float small = std::fabs(value) * 0x1p-112f;
  std::uint32_t bits;
  std::memcpy(&bits, &small, sizeof bits);
  const std::uint32_t rounded = (bits + 0xfff + (bits >> 13 & 1)) >> 13;
  return static_cast<half>(sign | (rounded < 0x7c00 ? rounded : 0x7c00));
}

}  // namespace midfill
