// What Python sees of choose.h.
#include "bind_choose.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "choose.h"
#include "lanes.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace midfill {

namespace {

using Row = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Ids = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void check(const std::int64_t* ids, std::size_t count, std::size_t size) {
  for (std::size_t i = 0; i < count; i++)
    if (ids[i] < 0 || static_cast<std::size_t>(ids[i]) >= size) throw std::out_of_range("no such token");
}

std::vector<std::pair<std::size_t, double>> chosen(const Row& logits, const std::optional<Ids>& allowed,
                                                   const Ids& forbidden, std::size_t count,
                                                   std::vector<std::size_t> tokens, std::vector<double> shares,
                                                   std::vector<bool> line_ends, double weight, std::size_t end) {
  const std::size_t size = logits.size();
  if (allowed) check(allowed->data(), allowed->size(), size);
  check(forbidden.data(), forbidden.size(), size);
  if (shares.size() != tokens.size() || line_ends.size() != tokens.size())
    throw std::invalid_argument("a share for each token");
  if (end >= size || std::any_of(tokens.begin(), tokens.end(), [&](std::size_t token) { return token >= size; }))
    throw std::out_of_range("no such token");
  if (!(weight >= 0.0 && weight < 1.0)) throw std::invalid_argument("a weight from 0 to below 1");
  Scores<Lanes> scores(size);
  std::copy(logits.data(), logits.data() + size, scores.begin());
  return choose(scores, allowed ? allowed->data() : nullptr, allowed ? allowed->size() : 0, forbidden.data(),
                forbidden.size(), count,
                {std::move(tokens), std::move(shares), std::move(line_ends), weight, end});
}

}  // namespace

void bind_choose(nb::module_& m) {
  m.def("choose", &chosen, "logits"_a, "allowed"_a.none(), "forbidden"_a, "count"_a,
        "tokens"_a = std::vector<std::size_t>(), "shares"_a = std::vector<double>(),
        "line_ends"_a = std::vector<bool>(), "weight"_a = 0.0, "end"_a = 0);
}

}  // namespace midfill
