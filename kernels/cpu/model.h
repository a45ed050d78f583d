// A Qwen3-MoE: its shape, its weights, and one step over a batch of tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "aligned.h"
#include "experts.h"
#include "inputs.h"
#include "matrix.h"
#include "pages.h"
#include "team.h"

namespace midfill {

struct Shape {
  std::size_t vocabulary, hidden, layers, heads, groups, head_size, experts, top_k, expert_size, context;
  float epsilon;
  bool normalise;

  std::size_t qkv() const { return (heads + 2 * groups) * head_size; }
  PageShape page() const { return {layers, groups, head_size}; }
};

// `gate_up` has blocks of gate and up in turns, so that whoever computes one computes the other.
struct ExpertWeights {
  Matrix gate_up, down;
};

struct LayerWeights {
  const float *input_norm, *q_norm, *k_norm, *post_norm, *router;
  Matrix qkv, o;
  std::vector<ExpertWeights> experts;
};

struct Weights {
  Shape shape;
  Matrix embedding, head;
  const float* norm;
  const float *cos, *sin;  // (context, head_size / 2)
  std::vector<LayerWeights> layers;
};

// A token to compute: appended to its sequence at `position`, which is reserved.
struct Token {
  std::uint32_t id;
  Sequence* sequence;
  std::size_t position;
};

// What a step needs while it lasts, kept for the next one. Of all but `hidden` there is what a panel needs (batch.h).
struct Workspace {
  Aligned<float> hidden;  // (tokens, hidden)
  Aligned<float> qkv, scratch, scores;
  Inputs normed, attended;  // a row for each token
  Inputs inner;             // a row for each pair, in the order of `grouped`
  Aligned<bf16> gathered;   // the normed rows of pairs, for tiles
  std::vector<Pair> pairs, grouped;
  std::vector<std::size_t> begins;  // where in `grouped` each expert's pairs begin
};

}  // namespace midfill
