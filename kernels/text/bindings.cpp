// What Python sees: an index of two texts, and the matches in it.
#include <nanobind/nanobind.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "index.h"
#include "token_text.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace midfill {

namespace {

std::string_view view(const nb::bytes& bytes) { return {bytes.c_str(), bytes.size()}; }

// What stands behind the last occurrences, as far as it decides its first token, and how often it does.
nb::list following(const Index& index, Index::Match match, std::size_t reach) {
  std::vector<std::pair<std::string_view, std::size_t>> counts;
  for (std::string_view text : index.following(match, reach)) {
    text = deciding_first_token(text);
    const auto known = std::find_if(counts.begin(), counts.end(), [&](const auto& one) { return one.first == text; });
    if (known == counts.end())
      counts.emplace_back(text, 1);
    else
      known->second++;
  }
  nb::list found;
  for (const auto& [text, count] : counts)
    found.append(nb::make_tuple(nb::bytes(text.data(), text.size()), count));
  return found;
}

// The texts behind the last occurrences, at most `reach` bytes of each.
nb::list continuations(const Index& index, Index::Match match, std::size_t reach) {
  nb::list found;
  for (const std::string_view text : index.following(match, reach)) found.append(nb::bytes(text.data(), text.size()));
  return found;
}

}  // namespace

}  // namespace midfill

NB_MODULE(_text, m) {
  using namespace midfill;
  nb::class_<Index::Match>(m, "Match").def_ro("length", &Index::Match::length);
  nb::class_<Index>(m, "Index")
      .def("__init__", [](Index* at, const nb::bytes& before, const nb::bytes& behind) {
        new (at) Index(view(before), view(behind));
      }, "before"_a, "behind"_a)
      .def_prop_ro("size", &Index::size)
      .def("renew", [](Index& index, const nb::bytes& before, const nb::bytes& behind) {
        index.renew(view(before), view(behind));
      }, "before"_a, "behind"_a)
      .def("copy", [](const Index& index) { return Index(index); })
      .def("assign", [](Index& index, const Index& other) { index = other; }, "other"_a)
      .def("extend", [](Index& index, const nb::bytes& more) { index.extend(view(more)); }, "more"_a)
      .def("match", [](const Index& index, const nb::bytes& text) { return index.follow({}, view(text)); }, "text"_a)
      .def("follow", [](const Index& index, Index::Match match, const nb::bytes& text) {
        return index.follow(match, view(text));
      }, "match"_a, "text"_a)
      .def("following", &following, "match"_a, "reach"_a)
      .def("continuations", &continuations, "match"_a, "reach"_a);
}
