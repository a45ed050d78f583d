// The tokens of a step in panels: parts that go through a layer one after another.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "model.h"

namespace midfill {

// Fewer new tokens of a sequence than this are computed on vectors, where a token's numbers do not depend on what else
// is in the step: a draft is verified by them. A prompt's long chunks may be computed in tiles.
constexpr std::size_t kLongChunk = 16;

// A panel's numbers stay in the second-level cache while it goes through a layer, and so do the layer's weights from one
// panel to the next. A multiple of 32.
constexpr std::size_t kPanel = 256;

struct Panel {
  std::size_t first, count;
  bool tiled;  // then its tokens follow one another in one sequence
};

struct Batch {
  std::vector<Token> tokens;
  std::vector<std::size_t> wanted;
  std::vector<Panel> panels;

  std::size_t largest_panel() const {
    std::size_t most = 0;
    for (const Panel& panel : panels) most = std::max(most, panel.count);
    return most;
  }
};

// Panels of up to kPanel tokens, as alike as multiples of 32 can be.
inline void add_panels(std::size_t first, std::size_t count, bool tiled, std::vector<Panel>& to) {
  if (count == 0) return;
  const std::size_t number = (count + kPanel - 1) / kPanel, size = ((count + number - 1) / number + 31) / 32 * 32;
  for (std::size_t at = 0; at < count; at += size) to.push_back({first + at, std::min(size, count - at), tiled});
}

// Long chunks' tokens first, if there are tiles for them. `wanted` numbers tokens.
inline Batch batch_of(const std::vector<Token>& tokens, const std::vector<std::size_t>& wanted, bool tiles) {
  Batch batch;
  std::vector<std::size_t> places(tokens.size()), others;
  const auto add = [&](std::size_t t) {
    places[t] = batch.tokens.size();
    batch.tokens.push_back(tokens[t]);
  };
  for (std::size_t first = 0, end; first < tokens.size(); first = end) {
    for (end = first + 1; end < tokens.size() && tokens[end].sequence == tokens[first].sequence;) end++;
    const bool tiled = tiles && end - first >= kLongChunk;
    if (tiled) add_panels(batch.tokens.size(), end - first, true, batch.panels);
    for (std::size_t t = first; t < end; t++) tiled ? add(t) : others.push_back(t);
  }
  add_panels(batch.tokens.size(), others.size(), false, batch.panels);
  for (const std::size_t t : others) add(t);
  for (const std::size_t t : wanted) batch.wanted.push_back(places[t]);
  return batch;
}

}  // namespace midfill
