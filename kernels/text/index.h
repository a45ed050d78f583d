// Two texts, one before a gap and one behind it: how they went on where they say what now stands before the gap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "automaton.h"
#include "places.h"

namespace midfill {

class Index {
 public:
  static constexpr std::uint32_t kLongest = 64;  // bytes; longer occurrences are not told apart

  // The longest end of some text that occurs with something behind it.
  struct Match {
    Automaton::StateId state = Automaton::kRoot;
    std::uint32_t length = 0;  // bytes
  };

  Index(std::string_view before, std::string_view behind) { renew(before, behind); }

  // Of other texts, in the memory that it has: to get some from the system takes as long as all the rest.
  void renew(std::string_view before, std::string_view behind) {
    automaton_.clear();
    automaton_.reserve(before.size() + behind.size());
    before_.clear();
    behind_.clear();
    behind_.text = behind;
    put(behind_);
    extend(before);
  }

  std::size_t size() const { return before_.text.size() + behind_.text.size(); }  // bytes

  // The text before the gap goes on with `more`. Matches found until now mean nothing any more.
  void extend(std::string_view more) {
    before_.text += more;
    put(before_);
  }

  // The match of the text that `match` is of with `text` behind it.
  Match follow(Match match, std::string_view text) const {
    check(match);
    for (const char c : text) {
      const auto byte = static_cast<std::uint8_t>(c);
      Automaton::StateId next = automaton_.next(match.state, byte);
      while (next == Automaton::kNone && match.state != Automaton::kRoot) {
        match.state = automaton_[match.state].link;
        match.length = automaton_[match.state].length;
        next = automaton_.next(match.state, byte);
      }
      if (next == Automaton::kNone) continue;
      match = {next, match.length + 1};
      if (match.length <= kLongest) continue;
      match.length = kLongest;
      while (automaton_[automaton_[match.state].link].length >= kLongest) match.state = automaton_[match.state].link;
    }
    return match;
  }

  // What stands behind the last occurrences, last first, those behind the gap before those before it: at most `reach`
  // bytes each, of Places::kKept of them.
  std::vector<std::string_view> following(Match match, std::size_t reach) const {
    std::vector<std::uint32_t> places;
    std::vector<std::string_view> found;
    check(match);
    if (match.length == 0) return found;
    for (const Text* text : {&behind_, &before_}) {
      text->places.last(match.state, places);
      while (found.size() < places.size())
        found.push_back(std::string_view(text->text).substr(places[found.size()], reach));
    }
    return found;
  }

 private:
  struct Text {
    std::string text;
    std::size_t put = 0;  // bytes of it in the automaton
    Automaton::StateId last = Automaton::kRoot;
    Match near;  // of its last kLongest bytes
    Places places;

    void clear() {
      text.clear();
      put = 0;
      last = Automaton::kRoot;
      near = {};
      places.clear();
    }
  };

  void check(Match match) const {
    if (match.state >= automaton_.size()) throw std::invalid_argument("a match in another index");
  }

  // All but the last byte: what ends there has nothing behind it.
  void put(Text& to) {
    while (to.put + 1 < to.text.size()) {
      const auto known = static_cast<Automaton::StateId>(automaton_.size());
      to.last = automaton_.append(to.last, static_cast<std::uint8_t>(to.text[to.put]));
      for (Automaton::StateId made = known; made < automaton_.size(); made++) {
        const Automaton::StateId original = automaton_[made].parted_from;
        if (original == Automaton::kNone) continue;
        behind_.places.copy(original, made);
        before_.places.copy(original, made);
      }
      to.near = follow(to.near, std::string_view(to.text).substr(to.put++, 1));
      // Only the states that a match can have: those of at most kLongest bytes.
      for (Automaton::StateId state = to.near.state; state != Automaton::kRoot; state = automaton_[state].link)
        to.places.add(state, static_cast<std::uint32_t>(to.put));
    }
  }

  Automaton automaton_;
  Text behind_, before_;
};

}  // namespace midfill
