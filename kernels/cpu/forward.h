// One step of the model over a batch of tokens, written once for every kind of lanes.
//
// Every member of the team goes through `Step::run`; each loop is split among them, and they wait for one another where
// the next loop reads what this one wrote.
#pragma once

#include "attention.h"
#include "model.h"
#include "multiply.h"
#include "norm.h"

namespace midfill {

template <class L>
class Step {
 public:
  Step(const Weights& weights, Team& team, Workspace& space, const std::vector<Token>& tokens,
       const std::vector<std::size_t>& wanted, float* logits)
      : w_(weights), s_(weights.shape), team_(team), space_(space), tokens_(tokens), wanted_(wanted), logits_(logits) {
    const std::size_t n = tokens.size();
    std::size_t longest = 0;
    for (const Token& token : tokens) longest = std::max(longest, token.position + 1);
    scratch_ = attention_scratch(s_.heads / s_.groups, longest);
    space.hidden.resize(n * s_.hidden);
    space.normed.resize(n * s_.hidden);
    space.qkv.resize(n * s_.qkv());
    space.attended.resize(n * s_.heads * s_.head_size);
    space.inner.resize(n * s_.top_k * s_.expert_size);
    space.scratch.resize(team.size() * scratch_);
    space.scores.resize(team.size() * s_.experts);
    space.pairs.resize(n * s_.top_k);
    normed_rows_ = rows_of(space.normed, s_.hidden);
    attended_rows_ = rows_of(space.attended, s_.heads * s_.head_size);
  }

  void run(std::size_t member) {
    each_token(member, [&](std::size_t t) { embed(t); });
    for (std::size_t layer = 0; layer < s_.layers; layer++) {
      attention(w_.layers[layer], layer, member);
      mixture(w_.layers[layer], member);
    }
    head(member);
  }

 private:
  template <class Work>
  void each_token(std::size_t member, Work work) {
    const auto [first, last] = team_.part(tokens_.size(), member);
    for (std::size_t t = first; t < last; t++) work(t);
  }

  // y[token] (width apart) = or += w * x[token], this member's part of the rows.
  template <bool kAdd>
  void linear(const Matrix& w, const float* const* x, std::size_t tokens, float* y, std::size_t width,
              std::size_t member) {
    const auto [first, last] = team_.part(w.blocks(), member);
    multiply<L>(w, first, last, x, tokens, [&](std::size_t t, std::size_t block, L sums) {
      float* to = y + t * width + block * kBlockRows;
      (kAdd ? sums + L::load(to) : sums).store(to);
    });
  }

  void embed(std::size_t t) {
    float* to = space_.hidden.data() + t * s_.hidden;
    for (std::size_t i = 0; i < s_.hidden; i++) to[i] = w_.embedding.at(tokens_[t].id, i);
    norm(t, w_.layers[0].input_norm);
  }

  void norm(std::size_t t, const float* weight) {
    rms_norm<L>(space_.hidden.data() + t * s_.hidden, weight, s_.hidden, s_.epsilon,
                space_.normed.data() + t * s_.hidden);
  }

  std::vector<const float*> rows_of(const std::vector<float>& values, std::size_t width) const {
    std::vector<const float*> rows(tokens_.size());
    for (std::size_t t = 0; t < rows.size(); t++) rows[t] = values.data() + t * width;
    return rows;
  }

  void attention(const LayerWeights& layer, std::size_t number, std::size_t member) {
    const std::size_t n = tokens_.size(), c = s_.head_size, width = s_.qkv();
    team_.wait();
    linear<false>(layer.qkv, normed_rows_.data(), n, space_.qkv.data(), width, member);
    team_.wait();
    each_token(member, [&](std::size_t t) { place(layer, number, t); });
    team_.wait();
    const std::size_t shared = s_.heads / s_.groups;
    float* scratch = space_.scratch.data() + member * scratch_;
    const auto [first, last] = team_.part(n * s_.groups, member);
    for (std::size_t item = first; item < last; item++) {
      const std::size_t t = item / s_.groups, group = item % s_.groups;
      attend<L>(space_.qkv.data() + t * width + group * shared * c, shared, *tokens_[t].sequence, number, group,
                tokens_[t].position + 1, scratch,
                space_.attended.data() + (t * s_.heads + group * shared) * c);
    }
    team_.wait();
    linear<true>(layer.o, attended_rows_.data(), n, space_.hidden.data(), s_.hidden, member);
    team_.wait();
  }

  // Norms and turns a token's queries and key, and stores key and value.
  void place(const LayerWeights& layer, std::size_t number, std::size_t t) {
    const std::size_t c = s_.head_size, at = tokens_[t].position;
    float* heads = space_.qkv.data() + t * s_.qkv();
    const float *cos = w_.cos + at * c / 2, *sin = w_.sin + at * c / 2;
    for (std::size_t h = 0; h < s_.heads + s_.groups; h++) {
      float* head = heads + h * c;
      rms_norm<L>(head, h < s_.heads ? layer.q_norm : layer.k_norm, c, s_.epsilon, head);
      rotate<L>(head, cos, sin, c);
    }
    const float *keys = heads + s_.heads * c, *values = keys + s_.groups * c;
    for (std::size_t g = 0; g < s_.groups; g++)
      tokens_[t].sequence->store(number, g, at, keys + g * c, values + g * c);
  }

  void mixture(const LayerWeights& layer, std::size_t member) {
    const std::size_t k = s_.top_k, i = s_.expert_size;
    each_token(member, [&](std::size_t t) {
      norm(t, layer.post_norm);
      route<L>(space_.normed.data() + t * s_.hidden, layer.router, s_.experts, s_.hidden, k, s_.normalise, t,
               space_.scores.data() + member * s_.experts, space_.pairs.data() + t * k);
    });
    team_.wait();
    if (member == 0) {
      group_by_expert(space_.pairs, s_.experts, space_.grouped, space_.begins);
      space_.rows.resize(2 * space_.grouped.size());
      for (std::size_t p = 0; p < space_.grouped.size(); p++) {
        space_.rows[p] = normed_rows_[space_.grouped[p].token];
        space_.rows[space_.grouped.size() + p] = space_.inner.data() + p * i;
      }
    }
    team_.wait();
    for_each_expert([&](std::size_t e, std::size_t begin, std::size_t count) {
      gate(layer.experts[e].gate_up, begin, count, member);
    });
    team_.wait();
    for_each_expert([&](std::size_t e, std::size_t begin, std::size_t count) {
      add_answers(layer.experts[e].down, begin, count, member);
    });
    team_.wait();
    const bool last = &layer == &w_.layers.back();
    each_token(member, [&](std::size_t t) { norm(t, last ? w_.norm : (&layer + 1)->input_norm); });
  }

  template <class Work>
  void for_each_expert(Work work) {
    for (std::size_t e = 0; e < s_.experts; e++) {
      const std::size_t begin = space_.begins[e], count = space_.begins[e + 1] - begin;
      if (count) work(e, begin, count);
    }
  }

  // inner[pair] = silu(gate) * up * the pair's weight. Blocks of rows alternate: gate, up, gate, up.
  void gate(const Matrix& gate_up, std::size_t begin, std::size_t count, std::size_t member) {
    const auto [first, last] = team_.part(gate_up.blocks() / 2, member);
    const std::size_t i = s_.expert_size;
    const float* const* x = space_.rows.data() + begin;
    float* inner = space_.inner.data() + begin * i;
    // A block of gate is kept in `inner` until its block of up comes.
    for (std::size_t pair = first; pair < last; pair++)
      multiply<L>(gate_up, 2 * pair, 2 * pair + 2, x, count, [&](std::size_t p, std::size_t block, L sums) {
        float* to = inner + p * i + pair * kBlockRows;
        if (block % 2 == 0)
          sums.store(to);
        else
          (silu(L::load(to)) * sums * L::of(space_.grouped[begin + p].weight)).store(to);
      });
  }

  // hidden[token] += down * inner[pair]. A row of `hidden` is one member's, so experts of one token do not collide.
  void add_answers(const Matrix& down, std::size_t begin, std::size_t count, std::size_t member) {
    const auto [first, last] = team_.part(down.blocks(), member);
    const float* const* x = space_.rows.data() + space_.grouped.size() + begin;
    multiply<L>(down, first, last, x, count, [&](std::size_t p, std::size_t block, L sums) {
      float* to = space_.hidden.data() + space_.grouped[begin + p].token * s_.hidden + block * kBlockRows;
      (L::load(to) + sums).store(to);
    });
  }

  void head(std::size_t member) {
    team_.wait();
    if (member == 0) {
      space_.rows.resize(wanted_.size());
      for (std::size_t i = 0; i < wanted_.size(); i++) space_.rows[i] = normed_rows_[wanted_[i]];
    }
    team_.wait();
    const auto [first, last] = team_.part(w_.head.blocks(), member);
    multiply<L>(w_.head, first, last, space_.rows.data(), wanted_.size(),
                [&](std::size_t t, std::size_t block, L sums) {
                  float whole[L::kWidth];
                  sums.store(whole);
                  const std::size_t at = block * kBlockRows, count = std::min(kBlockRows, s_.vocabulary - at);
                  std::copy(whole, whole + count, logits_ + t * s_.vocabulary + at);
                });
  }

  const Weights& w_;
  const Shape& s_;
  Team& team_;
  Workspace& space_;
  const std::vector<Token>& tokens_;
  const std::vector<std::size_t>& wanted_;
  float* logits_;
  std::size_t scratch_;
  std::vector<const float*> normed_rows_, attended_rows_;  // where each token's values begin
};

// Appends `tokens`, in the order of each sequence's positions, to their sequences, whose lengths stay as they are, and
// writes the logits behind those that `wanted` numbers: (wanted.size(), vocabulary) floats.
template <class L>
void forward(const Weights& weights, Team& team, Workspace& space, const std::vector<Token>& tokens,
             const std::vector<std::size_t>& wanted, float* logits) {
  Step<L> step(weights, team, space, tokens, wanted, logits);
  team.run([&](std::size_t member) { step.run(member); });
}

}  // namespace midfill
