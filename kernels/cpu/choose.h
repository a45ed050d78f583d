// From a row of logits to the likeliest tokens and their log-probabilities.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace midfill {

// What earlier occurrences expect (inference/copying.py): tokens[i] with shares[i]; where the token begins with a line
// end, shared with `end` as the model has it.
struct Copies {
  std::vector<std::size_t> tokens;
  std::vector<double> shares;
  std::vector<bool> line_ends;
  double weight = 0.0;
  std::size_t end = 0;
};

constexpr float kNever = -std::numeric_limits<float>::infinity();

// A row of scores, at its end as many as fill the lanes that can never be chosen.
template <class L>
class Scores {
 public:
  explicit Scores(std::size_t count) : row_((count + L::kWidth - 1) / L::kWidth * L::kWidth, kNever), size_(count) {}

  std::size_t size() const { return size_; }
  float* begin() { return row_.data(); }
  float& operator[](std::size_t i) { return row_[i]; }
  float operator[](std::size_t i) const { return row_[i]; }

  // Neither NaN nor infinite, but for what can never be chosen; and something can.
  bool sound() const {
    unsigned wrong = 0;
    for (const float score : row_) wrong |= !(score <= FLT_MAX);
    return !wrong && highest() > kNever;
  }

  float highest() const {
    L highest = L::load(row_.data());
    for (std::size_t i = L::kWidth; i < row_.size(); i += L::kWidth) highest = max(highest, L::load(row_.data() + i));
    return highest.highest();
  }

  // The sum of exp(score - highest). Floats add up a part of the row at a time, to lose nothing in a long one.
  double total(float highest) const {
    constexpr std::size_t kPart = 64 * L::kWidth;
    double total = 0.0;
    for (std::size_t part = 0; part < row_.size(); part += kPart) {
      L sum = L::zero();
      for (std::size_t i = part; i < std::min(part + kPart, row_.size()); i += L::kWidth)
        sum = sum + (L::load(row_.data() + i) - L::of(highest)).exp();
      total += sum.sum();
    }
    return total;
  }

  // The places of the `count` highest, highest first, as far as there are as many; of equals the first first.
  std::vector<std::size_t> best(std::size_t count) const {
    std::vector<std::size_t> best;
    float least = kNever;  // what a score has to exceed
    for (std::size_t from = 0; from < row_.size() && count; from += L::kWidth) {
      if (!(L::load(row_.data() + from).highest() > least)) continue;
      for (std::size_t i = from; i < from + L::kWidth; i++) {
        if (!(row_[i] > least)) continue;
        if (best.size() == count) best.pop_back();
        const auto place = std::upper_bound(best.begin(), best.end(), row_[i],
                                            [&](float score, std::size_t other) { return score > row_[other]; });
        best.insert(place, i);
        if (best.size() == count) least = row_[best.back()];
      }
    }
    return best;
  }

 private:
  std::vector<float> row_;
  std::size_t size_;
};

// The logarithm of (1 - weight) p_model + weight p_copy, but for what is the same for all tokens: only the scores of
// the tokens that may be copied change.
template <class L>
void mix(Scores<L>& scores, const Copies& copies) {
  const float highest = scores.highest();
  const double odds = copies.weight / (1.0 - copies.weight) * scores.total(highest);
  std::vector<std::pair<std::size_t, double>> parts;
  for (std::size_t i = 0; i < copies.tokens.size(); i++) {
    const std::size_t token = copies.tokens[i];
    double goes_on = 1.0;
    if (copies.line_ends[i]) {
      const double by_model = static_cast<double>(scores[copies.end]) - scores[token];
      goes_on = 1.0 / (1.0 + std::exp(std::clamp(by_model, -50.0, 50.0)));
      parts.emplace_back(copies.end, copies.shares[i] * (1.0 - goes_on));
    }
    parts.emplace_back(token, copies.shares[i] * goes_on);
  }
  // Only now: the shares of a line end are by the model alone.
  for (const auto& [token, part] : parts)
    if (part > 0.0)
      scores[token] = static_cast<float>(
          highest + std::log(std::exp(static_cast<double>(scores[token]) - highest) + odds * part));
}

// The `count` likeliest of `allowed`, without any of all but `forbidden`, and their log-probabilities among those.
// Nothing if there is no finite maximum, or a score that is none.
template <class L>
std::vector<std::pair<std::size_t, double>> choose(Scores<L>& scores, const std::int64_t* allowed,
                                                   std::size_t num_allowed, const std::int64_t* forbidden,
                                                   std::size_t num_forbidden, std::size_t count,
                                                   const Copies& copies) {
  if (!scores.sound()) return {};
  if (!copies.tokens.empty()) mix(scores, copies);
  if (!allowed)
    for (std::size_t i = 0; i < num_forbidden; i++) scores[forbidden[i]] = kNever;
  Scores<L> gathered(allowed ? num_allowed : 0);
  for (std::size_t i = 0; i < gathered.size(); i++) gathered[i] = scores[allowed[i]];
  const Scores<L>& among = allowed ? gathered : scores;
  if (among.size() == 0) return {};
  const float highest = among.highest();
  if (!(highest > kNever)) return {};
  const double log_total = std::log(among.total(highest));
  std::vector<std::pair<std::size_t, double>> chosen;
  for (const std::size_t place : among.best(count))
    chosen.emplace_back(allowed ? allowed[place] : place, static_cast<double>(among[place]) - highest - log_total);
  return chosen;
}

}  // namespace midfill
