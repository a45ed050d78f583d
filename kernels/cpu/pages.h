// Keys and values in pages of 32 positions, shared by the sequences that have these positions in common.
//
// A page holds its positions for every layer and key/value head, as bfloat16. Keys lie as a packed matrix whose rows are
// positions: [2][c / 2][16][2]. Values lie in pairs of positions: [16][c][2]. So attention reads both as weights are
// read, and AMX takes both as tiles.
#pragma once

#include <cstddef>
#include <algorithm>
#include <memory>
#include <vector>

#include "matrix.h"

namespace midfill {

constexpr std::size_t kPage = 32;

struct PageShape {
  std::size_t layers, groups, size;  // key/value heads, and a head's size

  std::size_t head() const { return kPage * size; }  // values of one head's keys in one layer
  std::size_t values() const { return 2 * layers * groups * head(); }
};

class Page {
 public:
  explicit Page(const PageShape& shape) : data_(new bf16[shape.values()]()) {}
  Page(const Page& other, const PageShape& shape) : Page(shape) {
    std::copy(other.data_.get(), other.data_.get() + shape.values(), data_.get());
  }

  bf16* keys(const PageShape& shape, std::size_t layer, std::size_t group) {
    return data_.get() + (layer * shape.groups + group) * 2 * shape.head();
  }
  bf16* values(const PageShape& shape, std::size_t layer, std::size_t group) {
    return keys(shape, layer, group) + shape.head();
  }

 private:
  std::unique_ptr<bf16[]> data_;
};

// The pages of one sequence of tokens. Pages that another sequence has too are read alone: before a position is
// written, its page is made this sequence's own.
class Sequence {
 public:
  explicit Sequence(const PageShape& shape) : shape_(shape) {}

  std::size_t length() const { return length_; }
  std::size_t bytes() const { return pages_.size() * shape_.values() * sizeof(bf16); }
  const PageShape& shape() const { return shape_; }
  Page& page(std::size_t number) const { return *pages_[number]; }

  // Room of its own for `count` more tokens.
  void reserve(std::size_t count) {
    const std::size_t first = length_ / kPage, pages = (length_ + count + kPage - 1) / kPage;
    if (length_ % kPage != 0 && pages_[first].use_count() > 1)
      pages_[first] = std::make_shared<Page>(*pages_[first], shape_);
    while (pages_.size() < pages) pages_.push_back(std::make_shared<Page>(shape_));
  }
  void advance(std::size_t count) { length_ += count; }

  // Forgets what lies from position `length` on.
  void truncate(std::size_t length) {
    length_ = length;
    pages_.resize((length + kPage - 1) / kPage);
  }

  // The first `length` tokens, sharing their pages.
  Sequence fork(std::size_t length) const {
    Sequence copy(*this);
    copy.truncate(length);
    return copy;
  }

  // Stores a head's key and value, `size` floats each, at a position that is reserved.
  void store(std::size_t layer, std::size_t group, std::size_t position, const float* key, const float* value) {
    Page& page = *pages_[position / kPage];
    const std::size_t at = position % kPage;
    bf16* keys = page.keys(shape_, layer, group) + at / kBlockRows * kBlockRows * shape_.size + at % kBlockRows * 2;
    bf16* values = page.values(shape_, layer, group) + at / 2 * 2 * shape_.size + at % 2;
    for (std::size_t i = 0; i < shape_.size; i++) {
      keys[i / 2 * 2 * kBlockRows + i % 2] = to_bf16(key[i]);
      values[2 * i] = to_bf16(value[i]);
    }
  }

 private:
  PageShape shape_;
  std::vector<std::shared_ptr<Page>> pages_;
  std::size_t length_ = 0;
};

}  // namespace midfill
