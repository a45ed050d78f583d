// y = x w^T and its gradients. All matrices in rows, bfloat16, sums in float; every dimension a multiple of 32.
#pragma once

#include <algorithm>
#include <vector>

#include "pool.h"
#include "tiles.h"
#include "vectors.h"

namespace midfill {

constexpr std::size_t kPanel = 32;         // rows of x at a time
constexpr std::size_t kGradientRows = 256;  // of x and of y's gradient, summed before the sum leaves the tiles

// x (rows, depth), b: the packed weights, y (rows, columns).
inline void times_packed(const bf16* x, const Operand& b, std::size_t rows, std::size_t depth, std::size_t columns,
                         bf16* y) {
  const std::size_t panels = rows / kPanel;
  Pool::instance().run(panels, [&](std::size_t panel, int) {
    static thread_local Scratch sums;
    float* c = sums.get<float>(kPanel * columns);
    multiply(in_rows(x + panel * kPanel * depth, depth), b, kPanel, columns, depth / kDepth, c, columns);
    convert(c, y + panel * kPanel * columns, kPanel * columns);
  });
}

// x (rows, in), w (out, in), y (rows, out).
inline void linear_forward(const bf16* x, const bf16* w, bf16* y, std::size_t rows, std::size_t in, std::size_t out) {
  static Scratch tiles;
  bf16* b = tiles.get<bf16>(in * out);
  pack_transposed(w, in, out, in, b);
  times_packed(x, packed(b, in / kDepth), rows, in, out, y);
}

// Sums over many chunks, by a few shares. A share takes every n-th chunk, whichever thread computes it, so that the
// order of summation, and with it every bit, is the same each time; up to four threads whatever their number.
class Shares {
 public:
  // work(chunk, sum, add): sum (`size` floats) is to be overwritten, or added to.
  template <class Work>
  void run(std::size_t chunks, std::size_t size, Work work) {
    count_ = std::min<std::size_t>(chunks, std::max(4, Pool::instance().size()));
    sums_.resize(std::max(sums_.size(), count_));
    Pool::instance().run(count_, [&](std::size_t share, int) {
      float* sum = sums_[share].template get<float>(size);
      for (std::size_t chunk = share; chunk < chunks; chunk += count_) work(chunk, sum, chunk != share);
    });
  }

  // The sum of all shares.
  void total(std::size_t size, bf16* to) {
    constexpr std::size_t kPiece = 4096;
    Pool::instance().run((size + kPiece - 1) / kPiece, [&](std::size_t piece, int) {
      for (std::size_t i = piece * kPiece; i < std::min(size, (piece + 1) * kPiece); i += 16) {
        __m512 sum = _mm512_load_ps(sums_[0].get<float>(size) + i);
        for (std::size_t s = 1; s < count_; s++)
          sum = _mm512_add_ps(sum, _mm512_load_ps(sums_[s].get<float>(size) + i));
        store(to + i, sum);
      }
    });
  }

 private:
  std::vector<Scratch> sums_;
  std::size_t count_ = 0;
};

// grad_y (rows, out); grad_x (rows, in) and grad_w (out, in) are overwritten.
inline void linear_backward(const bf16* grad_y, const bf16* x, const bf16* w, bf16* grad_x, bf16* grad_w,
                            std::size_t rows, std::size_t in, std::size_t out) {
  static Scratch tiles;
  bf16* b = tiles.get<bf16>(in * out);
  pack(w, in, out, in, b);
  times_packed(grad_y, packed(b, out / kDepth), rows, out, in, grad_x);

  static Shares sums;
  sums.run((rows + kGradientRows - 1) / kGradientRows, in * out, [&](std::size_t part, float* sum, bool add) {
    static thread_local Scratch left, right;
    const std::size_t first = part * kGradientRows, depth = std::min(kGradientRows, rows - first);
    bf16* a = left.get<bf16>(out * kGradientRows);
    bf16* xs = right.get<bf16>(in * kGradientRows);
    pack_columns(grad_y + first * out, out, depth, out, a);
    pack(x + first * in, in, depth, in, xs);
    const std::size_t steps = depth / kDepth;
    multiply(packed(a, steps), packed(xs, steps), out, in, steps, sum, in, add);
  });
  sums.total(in * out, grad_w);
}

}  // namespace midfill
