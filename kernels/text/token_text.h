// How much of a text can decide what its first token is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace midfill {

// No tokenizer of code merges across a line end and the text of the next line; where blanks come first, how many of
// them one token takes depends on the character behind them.
inline std::string_view deciding_first_token(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  constexpr std::size_t kLongestCharacter = 4;
  const std::size_t word = std::min(text.find_first_not_of(kBlank), text.size());
  if (text.substr(0, word).find('\n') != text.npos) return text.substr(0, word + kLongestCharacter);
  const std::size_t line_end = std::min(text.find('\n', word), text.size());
  return text.substr(0, text.find_first_not_of(kBlank, line_end));
}

}  // namespace midfill
