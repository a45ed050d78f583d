// Keys and values in pages of 32 positions, shared by the sequences that have these positions in common.
//
// A page holds its positions for every layer and key/value head, as bfloat16. Keys lie as a packed matrix whose rows are
// positions: [2][c / 2][16][2]. Values lie in pairs of positions: [16][c][2]. So attention reads both as weights are
// read, and AMX takes both as tiles.
//
// A pool has a fixed number of pages and counts for each how many sequences have it: num_free() pages have none. A
// sequence is a list of their numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "aligned.h"
#include "matrix.h"

namespace midfill {

constexpr std::size_t kPage = 32;

struct PageShape {
  std::size_t layers, groups, size;  // key/value heads, and a head's size

  std::size_t head() const { return kPage * size; }  // values of one head's keys in one layer
  std::size_t values() const { return 2 * layers * groups * head(); }
  bool operator==(const PageShape& other) const {
    return layers == other.layers && groups == other.groups && size == other.size;
  }
};

// Where a page's keys and values lie.
class Page {
 public:
  explicit Page(bf16* data) : data_(data) {}

  bf16* keys(const PageShape& shape, std::size_t layer, std::size_t group) const {
    return data_ + (layer * shape.groups + group) * 2 * shape.head();
  }
  bf16* values(const PageShape& shape, std::size_t layer, std::size_t group) const {
    return keys(shape, layer, group) + shape.head();
  }

 private:
  bf16* data_;
};

// Every page is some sequence's. Python knows it as a MemoryError.
struct OutOfPages : std::bad_alloc {
  const char* what() const noexcept override { return "every page of keys and values is in use"; }
};

// Memory is taken for a page when it is first used, and kept for the next use of it.
class PagePool {
 public:
  PagePool(const PageShape& shape, std::size_t count) : shape_(shape), data_(count), users_(count) {
    free_.reserve(count);
    for (std::size_t number = count; number > 0; number--) free_.push_back(static_cast<std::uint32_t>(number - 1));
  }

  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  const PageShape& shape() const { return shape_; }
  std::size_t size() const { return users_.size(); }
  std::size_t num_free() const { return free_.size(); }
  std::size_t users(std::uint32_t number) const { return users_[number]; }
  Page page(std::uint32_t number) { return Page(data_[number].data()); }

  // A page for one sequence, zeros: a position that is masked must not be what another model left there, as 0 times
  // infinity is no number. Throws OutOfPages.
  std::uint32_t take() {
    if (free_.empty()) throw OutOfPages();
    const std::uint32_t number = free_.back();
    data_[number].assign(shape_.values(), bf16{0});
    free_.pop_back();
    users_[number] = 1;
    return number;
  }

  // A copy of a page for one sequence. Throws OutOfPages.
  std::uint32_t take_copy(std::uint32_t original) {
    const std::uint32_t number = take();
    std::copy(data_[original].begin(), data_[original].end(), data_[number].begin());
    return number;
  }

  void share(std::uint32_t number) { users_[number]++; }
  void release(std::uint32_t number) {
    if (--users_[number] == 0) free_.push_back(number);  // has room: no throw
  }

 private:
  PageShape shape_;
  std::vector<Aligned<bf16>> data_;  // by number; a tile's row is a cache line
  std::vector<std::uint32_t> users_, free_;
};

// The pages of one sequence of tokens. Pages that another sequence has too are read alone: before a position is
// written, its page is made this sequence's own.
class Sequence {
 public:
  explicit Sequence(std::shared_ptr<PagePool> pool) : pool_(std::move(pool)) {}
  Sequence(const Sequence& other) : pool_(other.pool_), pages_(other.pages_), length_(other.length_) {
    for (const std::uint32_t number : pages_) pool_->share(number);
  }
  Sequence(Sequence&& other) noexcept
      : pool_(other.pool_), pages_(std::move(other.pages_)), length_(std::exchange(other.length_, 0)) {
    other.pages_.clear();
  }
  Sequence& operator=(const Sequence&) = delete;
  ~Sequence() { truncate(0); }

  std::size_t length() const { return length_; }
  const std::vector<std::uint32_t>& pages() const { return pages_; }
  const PageShape& shape() const { return pool_->shape(); }
  Page page(std::size_t number) const { return pool_->page(pages_[number]); }

  // Room of its own for `count` more tokens. Throws OutOfPages, and then is as it was.
  void reserve(std::size_t count) {
    const std::size_t first = length_ / kPage, pages = (length_ + count + kPage - 1) / kPage;
    const bool copies = length_ % kPage != 0 && pool_->users(pages_[first]) > 1;
    if (pool_->num_free() < pages - pages_.size() + copies) throw OutOfPages();
    if (copies) {
      const std::uint32_t own = pool_->take_copy(pages_[first]);
      pool_->release(std::exchange(pages_[first], own));
    }
    pages_.reserve(pages);
    while (pages_.size() < pages) pages_.push_back(pool_->take());
  }
  void advance(std::size_t count) { length_ += count; }

  // Forgets what lies from position `length` on, and gives back pages that have nothing else.
  void truncate(std::size_t length) {
    length_ = length;
    for (; pages_.size() > (length + kPage - 1) / kPage; pages_.pop_back()) pool_->release(pages_.back());
  }

  // The first `length` tokens, sharing their pages.
  Sequence fork(std::size_t length) const {
    Sequence copy(*this);
    copy.truncate(length);
    return copy;
  }

  // Stores a head's key and value, `size` floats each, at a position that is reserved.
  void store(std::size_t layer, std::size_t group, std::size_t position, const float* key, const float* value) {
    const PageShape& s = shape();
    const Page page = this->page(position / kPage);
    const std::size_t at = position % kPage;
    bf16* keys = page.keys(s, layer, group) + at / kBlockRows * kBlockRows * s.size + at % kBlockRows * 2;
    bf16* values = page.values(s, layer, group) + at / 2 * 2 * s.size + at % 2;
    for (std::size_t i = 0; i < s.size; i++) {
      keys[i / 2 * 2 * kBlockRows + i % 2] = to_bf16(key[i]);
      values[2 * i] = to_bf16(value[i]);
    }
  }

 private:
  std::shared_ptr<PagePool> pool_;
  std::vector<std::uint32_t> pages_;
  std::size_t length_ = 0;
};

}  // namespace midfill
