// One step of the model over a batch of tokens, written once for every kind of lanes.
//
// Every member of the team goes through `Step::run`; each loop is split among them, and they wait for one another where
// the next loop reads what this one wrote. A panel's tokens are numbered from 0 here; `panel.first` is what the batch
// calls the first.
#pragma once

#include "attention.h"
#include "batch.h"
#include "model.h"
#include "multiply.h"
#include "norm.h"
#include "tiles.h"

namespace midfill {

template <class L>
class Step {
 public:
  Step(const Weights& weights, Team& team, Workspace& space, const std::vector<Token>& tokens,
       const std::vector<std::size_t>& wanted, float* logits)
      : w_(weights),
        s_(weights.shape),
        team_(team),
        space_(space),
        batch_(batch_of(tokens, wanted, Tiles<L>::kAvailable)),
        logits_(logits) {
    const std::size_t rows = batch_.largest_panel(), pairs = rows * s_.top_k;
    space.hidden.resize(batch_.tokens.size() * s_.hidden);
    space.normed.resize(std::max(rows, wanted.size()), s_.hidden);
    space.qkv.resize(rows * s_.qkv());
    space.attended.resize(rows, s_.heads * s_.head_size);
    space.inner.resize(pairs, s_.expert_size);
    if (Tiles<L>::kAvailable) space.gathered.resize((pairs + kBlockRows - 1) * s_.hidden);
    space.pairs.resize(pairs);
    space.scores.resize(team.size() * s_.experts);
    scratch_ = (scratch_floats() + kBlockRows - 1) / kBlockRows * kBlockRows;
    space.scratch.resize(team.size() * scratch_);
  }

  void run(std::size_t member) {
    if constexpr (Tiles<L>::kAvailable) {
      if (!batch_.panels.empty() && batch_.panels[0].tiled) {
        const typename Tiles<L>::Configuration tiles;
        return layers(member);
      }
    }
    layers(member);
  }

 private:
  void layers(std::size_t member) {
    const auto [first, last] = team_.part(batch_.tokens.size(), member);
    for (std::size_t t = first; t < last; t++) embed(t);
    team_.wait();
    for (std::size_t layer = 0; layer < s_.layers; layer++)
      for (const Panel& panel : batch_.panels) {
        attention(w_.layers[layer], layer, panel, member);
        mixture(w_.layers[layer], panel, member);
      }
    head(member);
  }

  std::size_t scratch_floats() const {
    std::size_t longest = 0;
    for (const Token& token : batch_.tokens) longest = std::max(longest, token.position + 1);
    std::size_t most = attention_scratch<L>(s_.heads / s_.groups, longest);
    if constexpr (Tiles<L>::kAvailable) {
      most = std::max(most, Tiles<L>::attend_scratch(longest, s_.head_size));
      for (const LayerWeights& layer : w_.layers)
        for (const Matrix& w : {layer.qkv, layer.o, layer.experts[0].gate_up, layer.experts[0].down})
          most = std::max(most, Tiles<L>::multiply_scratch(w));
    }
    return most;
  }

  float* scratch(std::size_t member) { return space_.scratch.data() + member * scratch_; }
  float* hidden(std::size_t t) { return space_.hidden.data() + t * s_.hidden; }

  template <class Work>
  void each_token(const Panel& panel, std::size_t member, Work work) {
    const auto [first, last] = team_.part(panel.count, member);
    for (std::size_t i = first; i < last; i++) work(i);
  }

  // A member's part of `count` blocks of rows; tiles take two at once.
  Range blocks_of(std::size_t count, std::size_t member) const {
    const auto [first, last] = team_.part((count + 1) / 2, member);
    return {2 * first, std::min(2 * last, count)};
  }

  // The form of a panel's rows that are multiplied with w.
  static Form form(const Matrix& w, const Panel& panel) { return panel.tiled ? Form::rounded : form_for(w.format); }

  // take(row, block, sums) for `count` rows: in tiles those that lie behind each other at `x`, on vectors those that
  // rows(row) gives in the form for w.
  template <class Rows, class Take>
  void multiply_rows(const Matrix& w, Range blocks, const bf16* x, Rows rows, std::size_t count, const Panel& panel,
                     std::size_t member, Take take) {
    if constexpr (Tiles<L>::kAvailable)
      if (panel.tiled) return Tiles<L>::multiply(w, blocks.first, blocks.last, x, count, scratch(member), take);
    multiply<L>(w, blocks.first, blocks.last, rows, count, take);
  }

  // y[token] (width apart) = or += w * x[token], this member's part of the rows.
  template <bool kAdd>
  void linear(const Matrix& w, const Inputs& x, float* y, std::size_t width, const Panel& panel, std::size_t member) {
    const auto rows = [&](std::size_t i) { return x.operand(i, form(w, panel)); };
    multiply_rows(w, blocks_of(w.blocks(), member), x.rounded.data(), rows, panel.count, panel, member,
                  [&](std::size_t i, std::size_t block, L sums) {
                    float* to = y + i * width + block * kBlockRows;
                    (kAdd ? sums + L::load(to) : sums).store(to);
                  });
  }

  void embed(std::size_t t) {
    for (std::size_t i = 0; i < s_.hidden; i++) hidden(t)[i] = w_.embedding.at(batch_.tokens[t].id, i);
  }

  void attention(const LayerWeights& layer, std::size_t number, const Panel& panel, std::size_t member) {
    each_token(panel, member, [&](std::size_t i) {
      rms_norm<L>(hidden(panel.first + i), layer.input_norm, s_.hidden, s_.epsilon, space_.normed.row(i));
      space_.normed.prepare<L>(i, 0, s_.hidden, form(layer.qkv, panel));
    });
    team_.wait();
    linear<false>(layer.qkv, space_.normed, space_.qkv.data(), s_.qkv(), panel, member);
    team_.wait();
    each_token(panel, member, [&](std::size_t i) { place(layer, number, panel, i); });
    team_.wait();
    panel.tiled ? attend_chunk(number, panel, member) : attend_tokens(layer, number, panel, member);
    team_.wait();
    linear<true>(layer.o, space_.attended, hidden(panel.first), s_.hidden, panel, member);
    team_.wait();
  }

  // Norms and turns a token's queries and key, and stores key and value.
  void place(const LayerWeights& layer, std::size_t number, const Panel& panel, std::size_t i) {
    const Token& token = batch_.tokens[panel.first + i];
    const std::size_t c = s_.head_size, at = token.position;
    float* heads = space_.qkv.data() + i * s_.qkv();
    const float *cos = w_.cos + at * c / 2, *sin = w_.sin + at * c / 2;
    for (std::size_t h = 0; h < s_.heads + s_.groups; h++) {
      float* head = heads + h * c;
      rms_norm<L>(head, h < s_.heads ? layer.q_norm : layer.k_norm, c, s_.epsilon, head);
      rotate<L>(head, cos, sin, c);
    }
    const float *keys = heads + s_.heads * c, *values = keys + s_.groups * c;
    for (std::size_t g = 0; g < s_.groups; g++) token.sequence->store(number, g, at, keys + g * c, values + g * c);
  }

  void attend_tokens(const LayerWeights& layer, std::size_t number, const Panel& panel, std::size_t member) {
    const std::size_t c = s_.head_size, shared = s_.heads / s_.groups;
    const auto [first, last] = team_.part(panel.count * s_.groups, member);
    for (std::size_t item = first; item < last;) {
      const std::size_t group = item / panel.count, i = item % panel.count, from = group * shared * c;
      const std::size_t count = together(panel, i, std::min(panel.count - i, last - item));
      const Token& token = batch_.tokens[panel.first + i];
      attend<L>({count, shared, space_.qkv.data() + i * s_.qkv() + from, s_.qkv(), space_.attended.row(i) + from,
                 space_.attended.width},
                *token.sequence, number, group, token.position + 1, scratch(member));
      for (std::size_t row = i; row < i + count; row++)
        space_.attended.prepare<L>(row, from, shared * c, form(layer.o, panel));
      item += count;
    }
  }

  // How many of the tokens from i on, at most `most`, stand behind each other in one sequence and are read together.
  std::size_t together(const Panel& panel, std::size_t i, std::size_t most) const {
    const Token* tokens = batch_.tokens.data() + panel.first + i;
    std::size_t count = 1;
    while (count < std::min(most, kTogether<L>) && tokens[count].sequence == tokens[0].sequence &&
           tokens[count].position == tokens[0].position + count)
      count++;
    return count;
  }

  // A tile's tokens of a head after another: later tokens see more, so members take them in turns.
  void attend_chunk(std::size_t number, const Panel& panel, std::size_t member) {
    if constexpr (Tiles<L>::kAvailable) {
      const std::size_t c = s_.head_size, shared = s_.heads / s_.groups;
      const Token& token = batch_.tokens[panel.first];
      for (std::size_t item = member; item < (panel.count + kPage - 1) / kPage * s_.heads; item += team_.size()) {
        const std::size_t i = item / s_.heads * kPage, head = item % s_.heads, count = std::min(kPage, panel.count - i);
        Tiles<L>::attend({space_.qkv.data() + i * s_.qkv() + head * c, s_.qkv(), count, token.position + i},
                         *token.sequence, number, head / shared, scratch(member), space_.attended.row(i) + head * c,
                         space_.attended.width);
        for (std::size_t row = i; row < i + count; row++) space_.attended.prepare<L>(row, head * c, c, Form::rounded);
      }
    }
  }

  void mixture(const LayerWeights& layer, const Panel& panel, std::size_t member) {
    each_token(panel, member, [&](std::size_t i) {
      rms_norm<L>(hidden(panel.first + i), layer.post_norm, s_.hidden, s_.epsilon, space_.normed.row(i));
      route<L>(space_.normed.row(i), layer.router, s_.experts, s_.hidden, s_.top_k, s_.normalise, i,
               space_.scores.data() + member * s_.experts, space_.pairs.data() + i * s_.top_k);
      if (!panel.tiled) space_.normed.prepare<L>(i, 0, s_.hidden, form(layer.experts[0].gate_up, panel));
    });
    team_.wait();
    if (member == 0)
      group_by_expert(space_.pairs.data(), panel.count * s_.top_k, s_.experts, space_.grouped, space_.begins);
    team_.wait();
    if (panel.tiled) gather(member);
    for_each_expert([&](std::size_t e, Range pairs) { gate(layer.experts[e], pairs, panel, member); });
    team_.wait();
    for_each_expert([&](std::size_t e, Range pairs) { add_answers(layer.experts[e].down, pairs, panel, member); });
    team_.wait();
  }

  // Rounds pairs' normed rows to where tiles find them.
  void gather(std::size_t member) {
    if constexpr (Tiles<L>::kAvailable) {
      const auto [first, last] = team_.part(space_.grouped.size(), member);
      for (std::size_t p = first; p < last; p++)
        round_row<L>(space_.normed.row(space_.grouped[p].token), s_.hidden, space_.gathered.data() + p * s_.hidden);
      team_.wait();
    }
  }

  template <class Work>
  void for_each_expert(Work work) {
    for (std::size_t e = 0; e < s_.experts; e++)
      if (space_.begins[e] < space_.begins[e + 1]) work(e, Range{space_.begins[e], space_.begins[e + 1]});
  }

  // inner[pair] = silu(gate) * up * the pair's weight. Blocks of rows alternate: gate, up, gate, up. Two of each give
  // the 32 columns of `inner` that have one scale.
  void gate(const ExpertWeights& expert, Range pairs, const Panel& panel, std::size_t member) {
    const auto [first, last] = team_.part(expert.gate_up.blocks() / 4, member);
    const std::size_t count = pairs.last - pairs.first;
    const Pair* pair = space_.grouped.data() + pairs.first;
    const bf16* gathered = space_.gathered.data() + pairs.first * s_.hidden;
    const auto rows = [&](std::size_t p) { return space_.normed.operand(pair[p].token, form(expert.gate_up, panel)); };
    for (std::size_t four = first; four < last; four++) {
      // A block of gate is kept in `inner` until its block of up comes.
      multiply_rows(expert.gate_up, {4 * four, 4 * four + 4}, gathered, rows, count, panel, member,
                    [&](std::size_t p, std::size_t block, L sums) {
                      float* to = space_.inner.row(pairs.first + p) + block / 2 * kBlockRows;
                      if (block % 2 == 0)
                        sums.store(to);
                      else
                        (silu(L::load(to)) * sums * L::of(pair[p].weight)).store(to);
                    });
      for (std::size_t p = pairs.first; p < pairs.last; p++)
        space_.inner.prepare<L>(p, four * kColumnMultiple, kColumnMultiple, form(expert.down, panel));
    }
  }

  // hidden[token] += down * inner[pair]. A row of `hidden` is one member's, so experts of one token do not collide.
  void add_answers(const Matrix& down, Range pairs, const Panel& panel, std::size_t member) {
    const Pair* pair = space_.grouped.data() + pairs.first;
    const auto rows = [&](std::size_t p) { return space_.inner.operand(pairs.first + p, form(down, panel)); };
    multiply_rows(down, blocks_of(down.blocks(), member), space_.inner.rounded_row(pairs.first), rows,
                  pairs.last - pairs.first, panel, member, [&](std::size_t p, std::size_t block, L sums) {
                    float* to = hidden(panel.first + pair[p].token) + block * kBlockRows;
                    (L::load(to) + sums).store(to);
                  });
  }

  // The logits; on vectors, whatever is in the step.
  void head(std::size_t member) {
    const Form form = form_for(w_.head.format);
    const auto [begin, end] = team_.part(batch_.wanted.size(), member);
    for (std::size_t i = begin; i < end; i++) {
      rms_norm<L>(hidden(batch_.wanted[i]), w_.norm, s_.hidden, s_.epsilon, space_.normed.row(i));
      space_.normed.prepare<L>(i, 0, s_.hidden, form);
    }
    team_.wait();
    const auto [first, last] = team_.part(w_.head.blocks(), member);
    multiply<L>(
        w_.head, first, last, [&](std::size_t i) { return space_.normed.operand(i, form); }, batch_.wanted.size(),
        [&](std::size_t i, std::size_t block, L sums) {
          float whole[L::kWidth];
          sums.store(whole);
          const std::size_t at = block * kBlockRows, count = std::min(kBlockRows, s_.vocabulary - at);
          std::copy(whole, whole + count, logits_ + i * s_.vocabulary + at);
        });
  }

  const Weights& w_;
  const Shape& s_;
  Team& team_;
  Workspace& space_;
  const Batch batch_;
  float* logits_;
  std::size_t scratch_;
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
