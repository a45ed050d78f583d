// The last places at which the strings of an automaton's states end.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "automaton.h"

namespace midfill {

class Places {
 public:
  static constexpr std::size_t kKept = 16;

  void clear() {
    ends_.clear();
    rings_.clear();
  }

  // Places come in rising order.
  void add(Automaton::StateId state, std::uint32_t place) {
    Ends& ends = at(state);
    if (ends.count++ == 0) {
      ends.place = place;
      return;
    }
    if (ends.count == 2) {  // most states have one place all their life, and no ring
      rings_.push_back({ends.place});
      ends.place = static_cast<std::uint32_t>(rings_.size() - 1);
    }
    rings_[ends.place][(ends.count - 1) % kKept] = place;
  }

  // `state` ends wherever `original` does.
  void copy(Automaton::StateId original, Automaton::StateId state) {
    const Ends ends = at(original);
    at(state) = ends;
    if (ends.count < 2) return;
    rings_.push_back(Ring(rings_[ends.place]));
    at(state).place = static_cast<std::uint32_t>(rings_.size() - 1);
  }

  // Appends the last places of `state` to `found`, last first, until there are kKept.
  void last(Automaton::StateId state, std::vector<std::uint32_t>& found) const {
    if (state >= ends_.size()) return;
    const Ends& ends = ends_[state];
    const std::size_t kept = std::min<std::size_t>(ends.count, kKept);
    for (std::size_t i = 1; i <= kept && found.size() < kKept; i++)
      found.push_back(ends.count == 1 ? ends.place : rings_[ends.place][(ends.count - i) % kKept]);
  }

 private:
  using Ring = std::array<std::uint32_t, kKept>;  // the place that came as the n-th lies at n modulo kKept

  struct Ends {
    std::uint32_t count = 0;
    std::uint32_t place = 0;  // the only one; the number of a ring if there are more
  };

  Ends& at(Automaton::StateId state) {
    if (state >= ends_.size()) ends_.resize(state + 1);
    return ends_[state];
  }

  std::vector<Ends> ends_;
  std::vector<Ring> rings_;
};

}  // namespace midfill
