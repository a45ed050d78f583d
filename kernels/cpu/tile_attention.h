// Attention of up to thirty-two tokens of a chunk, one head, over the pages of their sequence, in tiles.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "lanes_avx512.h"
#include "pages.h"
#include "tile_product.h"

namespace midfill {

constexpr std::size_t kQueryTile = kPage;  // two tiles of rows

// Rotated queries of one head: `count` (up to 32) rows, `step` floats apart; the first one's position.
struct TileQueries {
  const float* rows;
  std::size_t step, count, position;
};

namespace detail {

// Floats from a row of scores to the next. Rows must not be 4 KiB apart, or a tile's would take the same places of the
// cache.
inline std::size_t score_stride(std::size_t seen) { return (seen + kPage - 1) / kPage * kPage + kRows; }

template <int kRowTiles>
void tile_scores(const bf16* queries, const Sequence& sequence, std::size_t layer, std::size_t group,
                 std::size_t pages, float* scores, std::size_t stride) {
  using Product = TileProduct<kRowTiles>;
  const PageShape& shape = sequence.shape();
  const std::size_t size = shape.size, row = size * sizeof(bf16);
  for (std::size_t page = 0; page < pages; page++) {
    const bf16* keys = sequence.page(page).keys(shape, layer, group);
    Product::clear();
    for (std::size_t k = 0; k < size; k += kDepth)
      Product::add(queries + k, row, kRows * row, keys + k * kRows, keys + (size + k) * kRows, kTileBytes);
    Product::store(scores + page * kPage, stride);
  }
}

// Turns `seen` scores into e^(scale * (score - highest)), as bfloat16 in the same place, and 0 up to `room`; returns
// their sum.
inline float tile_exponentials(float* scores, std::size_t seen, std::size_t room, float scale) {
  const std::size_t whole = (seen + kRows - 1) / kRows * kRows;
  std::fill(scores + seen, scores + whole, -1e30f);
  Avx512Lanes top = Avx512Lanes::load(scores);
  for (std::size_t i = kRows; i < whole; i += kRows) top = max(top, Avx512Lanes::load(scores + i));
  const Avx512Lanes offset = Avx512Lanes::of(-top.highest() * scale), factor = Avx512Lanes::of(scale);
  Avx512Lanes total = Avx512Lanes::zero();
  bf16* to = reinterpret_cast<bf16*>(scores);  // never ahead of what is read
  for (std::size_t i = 0; i < whole; i += kRows) {
    const Avx512Lanes weight = Avx512Lanes::load(scores + i).times_plus(factor, offset).exp();
    weight.store_rounded(to + i);
    total = total + weight;
  }
  for (std::size_t i = whole; i < room; i += kRows) Avx512Lanes::zero().store_rounded(to + i);
  return total.sum();
}

// Rows of weights, `stride` floats apart, times the values of all pages: 32 channels from `channel` on.
template <int kRowTiles>
void tile_values(const float* weights, std::size_t stride, const Sequence& sequence, std::size_t layer,
                 std::size_t group, std::size_t pages, std::size_t channel, float* sums) {
  using Product = TileProduct<kRowTiles>;
  const PageShape& shape = sequence.shape();
  const std::size_t row = stride * sizeof(float);
  Product::clear();
  for (std::size_t page = 0; page < pages; page++) {
    const bf16* values = sequence.page(page).values(shape, layer, group) + 2 * channel;
    Product::add(reinterpret_cast<const bf16*>(weights) + page * kPage, row, kRows * row, values, values + 2 * kRows,
                 2 * shape.size * sizeof(bf16));
  }
  Product::store(sums, 2 * kRows);
}

template <int kRowTiles>
void tile_attend(const TileQueries& queries, const Sequence& sequence, std::size_t layer, std::size_t group,
                 float* scratch, float* to, std::size_t to_step) {
  const std::size_t size = sequence.shape().size, end = queries.position + queries.count;
  const std::size_t pages = (end + kPage - 1) / kPage, stride = score_stride(end);
  float* sums = scratch;
  bf16* rounded = reinterpret_cast<bf16*>(sums + kQueryTile * kQueryTile);
  float* scores = sums + kQueryTile * (kQueryTile + size / 2);
  for (std::size_t q = 0; q < queries.count; q++)
    for (std::size_t i = 0; i < size; i += kRows)
      Avx512Lanes::load(queries.rows + q * queries.step + i).store_rounded(rounded + q * size + i);
  tile_scores<kRowTiles>(rounded, sequence, layer, group, pages, scores, stride);
  Avx512Lanes shrink[kQueryTile];
  const float scale = 1.0f / std::sqrt(static_cast<float>(size));
  for (std::size_t q = 0; q < queries.count; q++)
    shrink[q] = Avx512Lanes::of(
        1.0f / tile_exponentials(scores + q * stride, queries.position + q + 1, pages * kPage, scale));
  for (std::size_t channel = 0; channel < size; channel += 2 * kRows) {
    tile_values<kRowTiles>(scores, stride, sequence, layer, group, pages, channel, sums);
    for (std::size_t q = 0; q < queries.count; q++)
      for (std::size_t i = 0; i < 2 * kRows; i += kRows)
        (Avx512Lanes::load(sums + q * 2 * kRows + i) * shrink[q]).store(to + q * to_step + channel + i);
  }
}

}  // namespace detail

// Floats of scratch that `tile_attend` needs for queries that see `seen` positions.
inline std::size_t tile_attend_scratch(std::size_t seen, std::size_t size) {
  return kQueryTile * (kQueryTile + size / 2 + detail::score_stride(seen));
}

// Each query sees the positions up to its own. to: the answers, rows `to_step` floats apart.
inline void tile_attend(const TileQueries& queries, const Sequence& sequence, std::size_t layer, std::size_t group,
                        float* scratch, float* to, std::size_t to_step) {
  if (queries.count > kRows)
    detail::tile_attend<2>(queries, sequence, layer, group, scratch, to, to_step);
  else
    detail::tile_attend<1>(queries, sequence, layer, group, scratch, to, to_step);
}

}  // namespace midfill
