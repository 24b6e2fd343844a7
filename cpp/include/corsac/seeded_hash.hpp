#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>

#include "corsac/portability.hpp"

/// One hash for every table whose keys or look-ups a stranger may choose. Without the seed nobody
/// can prepare keys that fall into one place. It is no signature: tables compare the bytes too.
namespace corsac {
namespace detail {

template <typename Word>
std::uint64_t read_word(const char* bytes) noexcept {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

}  // namespace detail

/// A seed that nobody can predict.
inline std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

/// The hash of the whole byte string. The result may be the seed of the next one: a chain over the
/// parts of a text.
inline std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed) noexcept {
  using detail::read_word;
  using portability::multiply_folded;  // One step of the wyhash family.
  constexpr std::uint64_t kMixA = 0x9E3779B97F4A7C15U;
  constexpr std::uint64_t kMixB = 0xD1B54A32D192ED03U;
  std::uint64_t state = seed ^ kMixA;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left > 16; left -= 16, at += 16) {
    state = multiply_folded(read_word<std::uint64_t>(at) ^ kMixB,
                            read_word<std::uint64_t>(at + 8) ^ state);
  }
  // The last 1 to 16 bytes as two words that may overlap; the length is mixed in at the end.
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (left >= 8) {
    a = read_word<std::uint64_t>(at);
    b = read_word<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    a = read_word<std::uint32_t>(at);
    b = read_word<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    a = read_word<std::uint8_t>(at);
    b = (read_word<std::uint8_t>(at + left / 2) << 8U) | read_word<std::uint8_t>(at + left - 1);
  }
  return multiply_folded(multiply_folded(a ^ kMixB, b ^ state) ^ seed, kMixA ^ bytes.size());
}

/// The half of a hash that a slot keeps: its place in the table comes from the other one.
constexpr std::uint32_t tag_of(std::uint64_t hash) noexcept {
  return static_cast<std::uint32_t>(hash >> 32U);
}

}  // namespace corsac
