// Rows that matrices are multiplied with, in the forms that the multiplications take.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "aligned.h"
#include "bf16.h"
#include "matrix.h"

namespace midfill {

// Thirty-two of a row's values: value = scale * byte. `sum` is of the bytes.
struct InputBlock {
  float scale;
  std::int32_t sum;
  std::int8_t bytes[kColumnMultiple];
};

// To the nearest, the largest magnitude becoming 127.
template <class L>
InputBlock quantised(const float* from) {
  InputBlock block;
  const L a = L::load(from), b = L::load(from + L::kWidth), none = L::zero();
  const float most = max(max(a, none - a), max(b, none - b)).highest();
  const bool some = most > 1e-30f;
  block.scale = some ? most / 127.0f : 0.0f;
  const L inverse = L::of(some ? 127.0f / most : 0.0f);
  (a * inverse).store_bytes(block.bytes);
  (b * inverse).store_bytes(block.bytes + L::kWidth);
  block.sum = 0;
  for (const std::int8_t byte : block.bytes) block.sum += byte;
  return block;
}

// Rounded to bfloat16; `count` is a multiple of 16.
template <class L>
void round_row(const float* from, std::size_t count, bf16* to) {
  for (std::size_t i = 0; i < count; i += L::kWidth) L::load(from + i).store_rounded(to + i);
}

enum class Form { floats, rounded, bytes };

// What vectors multiply a matrix of such a format with; tiles take every format rounded.
constexpr Form form_for(Format format) { return format == Format::bf16 ? Form::floats : Form::bytes; }

// A part of every row is put in by whoever computes it: first the floats, then by `prepare` the form.
struct Inputs {
  std::size_t width = 0;
  Aligned<float> values;       // (rows, width)
  Aligned<bf16> rounded;       // (rows, width), and room for a tile that begins at the last row
  Aligned<InputBlock> blocks;  // (rows, width / 32)

  void resize(std::size_t rows, std::size_t columns) {
    width = columns;
    values.resize(rows * width);
    rounded.resize((rows + kBlockRows - 1) * width);
    blocks.resize(rows * width / kColumnMultiple);
  }

  float* row(std::size_t number) { return values.data() + number * width; }
  bf16* rounded_row(std::size_t number) { return rounded.data() + number * width; }

  // Columns `first` to before `first + count`, multiples of 32.
  template <class L>
  void prepare(std::size_t number, std::size_t first, std::size_t count, Form form) {
    const float* from = row(number) + first;
    if constexpr (L::kRounds)
      if (form == Form::rounded) round_row<L>(from, count, rounded_row(number) + first);
    if (form != Form::bytes) return;
    InputBlock* to = blocks.data() + (number * width + first) / kColumnMultiple;
    for (std::size_t i = 0; i < count; i += kColumnMultiple) *to++ = quantised<L>(from + i);
  }

  const void* operand(std::size_t number, Form form) const {
    if (form == Form::floats) return values.data() + number * width;
    if (form == Form::rounded) return rounded.data() + number * width;
    return blocks.data() + number * width / kColumnMultiple;
  }
};

}  // namespace midfill
