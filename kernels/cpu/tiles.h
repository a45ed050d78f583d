// Long chunks of tokens in tiles, where the processor has them.
#pragma once

namespace midfill {

// What a library without tiles has of them. tiles_amx.h says what the others have.
template <class L>
struct Tiles {
  static constexpr bool kAvailable = false;
  struct Configuration {};
};

}  // namespace midfill
