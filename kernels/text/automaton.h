// A suffix automaton over several texts: the state that a string leads to knows every place where it ends.
//
// Blumer, Blumer, Haussler, Ehrenfeucht, Chen and Seiferas: The smallest automaton recognizing the subwords of a text
// (Theoretical Computer Science 40, 1985), grown byte by byte. A new text starts again at the root.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace midfill {

class Automaton {
 public:
  using StateId = std::uint32_t;
  static constexpr StateId kRoot = 0;
  static constexpr StateId kNone = 0xffffffffu;

  // Invariants: a state's strings end at the same places; the longest has `length` bytes, and the longest that ends at
  // more places leads to `link`, so the lengths along a path of links fall.
  struct State {
    std::uint32_t length, edges;
    StateId link, parted_from;  // the state that this one was a part of, or kNone
  };

  Automaton() { clear(); }

  // As if it were new, but for the memory that it has.
  void clear() {
    root_.fill(kNone);
    states_.assign(1, {0, kNoEdge, kNone, kNone});
    edges_.clear();
  }

  std::size_t size() const { return states_.size(); }
  const State& operator[](StateId id) const { return states_[id]; }

  StateId next(StateId from, std::uint8_t byte) const {
    if (from == kRoot) return root_[byte];
    const std::uint32_t edge = find(from, byte);
    return edge == kNoEdge ? kNone : edges_[edge].target;
  }

  // Makes room for texts of so many bytes.
  void reserve(std::size_t bytes) {
    states_.reserve(2 * bytes);
    edges_.reserve(3 * bytes);
  }

  // The state of the text that led to `last` and `byte`: the longest string of it is that whole text. At most one
  // state more is made then, parted from another: it ends where that one ends.
  StateId append(StateId last, std::uint8_t byte) {
    if (const StateId old = next(last, byte); old != kNone) return with_length(last, byte, old);
    const StateId made = add({states_[last].length + 1, kNoEdge, kRoot, kNone});
    StateId from = last;
    while (from != kNone && next(from, byte) == kNone) {
      connect(from, byte, made);
      from = states_[from].link;
    }
    if (from != kNone) {
      const StateId link = with_length(from, byte, next(from, byte));
      states_[made].link = link;
    }
    return made;
  }

 private:
  static constexpr std::uint32_t kNoEdge = 0xffffffffu;

  // A list: nearly every state has one edge. Only the root, which has as many as there are bytes, has a table.
  struct Edge {
    StateId target;
    std::uint32_t next;
    std::uint8_t byte;
  };

  std::uint32_t find(StateId from, std::uint8_t byte) const {
    std::uint32_t edge = states_[from].edges;
    while (edge != kNoEdge && edges_[edge].byte != byte) edge = edges_[edge].next;
    return edge;
  }

  void connect(StateId from, std::uint8_t byte, StateId target) {
    if (from == kRoot) {
      root_[byte] = target;
      return;
    }
    edges_.push_back({target, states_[from].edges, byte});
    states_[from].edges = static_cast<std::uint32_t>(edges_.size() - 1);
  }

  // Of the strings that lead from `from` by `byte` to `to`, those no longer than one byte more than from's: a state
  // of their own, if `to` has longer ones.
  StateId with_length(StateId from, std::uint8_t byte, StateId to) {
    const std::uint32_t length = states_[from].length + 1;
    if (states_[to].length == length) return to;
    const StateId clone = add({length, kNoEdge, states_[to].link, to});
    for (std::uint32_t edge = states_[to].edges; edge != kNoEdge; edge = edges_[edge].next)
      connect(clone, edges_[edge].byte, edges_[edge].target);
    while (from != kNone && next(from, byte) == to) {
      redirect(from, byte, clone);
      from = states_[from].link;
    }
    states_[to].link = clone;
    return clone;
  }

  void redirect(StateId from, std::uint8_t byte, StateId target) {
    (from == kRoot ? root_[byte] : edges_[find(from, byte)].target) = target;
  }

  StateId add(State state) {
    states_.push_back(state);
    return static_cast<StateId>(states_.size() - 1);
  }

  std::array<StateId, 256> root_;
  std::vector<State> states_;
  std::vector<Edge> edges_;
};

}  // namespace midfill
