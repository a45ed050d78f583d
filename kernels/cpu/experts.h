// The mixture of experts: who gets which token, and what they make of it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "multiply.h"

namespace midfill {

// A token and one of its experts, with the expert's share of the answer.
struct Pair {
  std::size_t token, expert;
  float weight;
};

// The `k` likeliest experts of a token: softmax over all of them, the chosen made to sum to 1 if `normalise`.
// router: (experts, size) in rows. Ties go to the lower number.
template <class L>
void route(const float* x, const float* router, std::size_t experts, std::size_t size, std::size_t k, bool normalise,
           std::size_t token, float* scores, Pair* to) {
  for (std::size_t e = 0; e < experts; e++) {
    L sum = L::zero();
    for (std::size_t i = 0; i < size; i += L::kWidth)
      sum = L::load(x + i).times_plus(L::load(router + e * size + i), sum);
    scores[e] = sum.sum();
  }
  const float highest = *std::max_element(scores, scores + experts);
  float all = 0, chosen = 0;
  for (std::size_t e = 0; e < experts; e++) all += scores[e] = std::exp(scores[e] - highest);
  for (std::size_t rank = 0; rank < k; rank++) {
    const std::size_t e = static_cast<std::size_t>(std::max_element(scores, scores + experts) - scores);
    to[rank] = {token, e, scores[e]};
    chosen += scores[e];
    scores[e] = -1;
  }
  for (std::size_t rank = 0; rank < k; rank++) to[rank].weight /= normalise ? chosen : all;
}

// x * sigmoid(x)
template <class L>
L silu(L x) {
  return x / (L::of(1.0f) + (L::zero() - x).exp());
}

// `count` pairs in the order of their experts, and where each expert's begin; `begins` has one more at the end.
inline void group_by_expert(const Pair* pairs, std::size_t count, std::size_t experts, std::vector<Pair>& grouped,
                            std::vector<std::size_t>& begins) {
  begins.assign(experts + 1, 0);
  for (std::size_t p = 0; p < count; p++) begins[pairs[p].expert + 1]++;
  for (std::size_t e = 0; e < experts; e++) begins[e + 1] += begins[e];
  std::vector<std::size_t> next(begins.begin(), begins.end() - 1);
  grouped.resize(count);
  for (std::size_t p = 0; p < count; p++) grouped[next[pairs[p].expert]++] = pairs[p];
}

}  // namespace midfill
