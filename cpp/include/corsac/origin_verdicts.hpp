#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "corsac/origin.hpp"

namespace corsac {

/// What was found out about origins outside the core, by a regular expression: so many of the last
/// ones, for any number of threads at once. It is for answers that never change.
///
/// Each origin has the places of one set, by its hash. In every set some places are for allowed and
/// others for refused origins: a client can make up origins without end, but most are refused, so
/// it cannot push those out that are allowed. Of its kind the one goes that nobody asked about
/// since the others were looked through. Bytes are compared, so no two origins are ever taken for
/// one.
///
/// Nobody waits here. A set that another thread writes to at this moment has no answer and takes
/// none; whoever gets none asks outside again, which is slower and says the same.
class OriginVerdicts {
 public:
  static constexpr std::size_t kSets = 256;
  static constexpr std::size_t kAllowedPlaces = 6;  ///< In each set.
  static constexpr std::size_t kRefusedPlaces = 2;  ///< In each set.
  /// The most origins that are kept. Their memory is taken a set at a time, 700 KiB in all.
  static constexpr std::size_t kCapacity = kSets * (kAllowedPlaces + kRefusedPlaces);

  /// @param seed secret of the hash; an unpredictable one keeps strangers from filling one set.
  explicit OriginVerdicts(std::uint64_t seed) noexcept : seed_(seed) {}
  OriginVerdicts(const OriginVerdicts&) = delete;
  OriginVerdicts& operator=(const OriginVerdicts&) = delete;
  ~OriginVerdicts();

  /// Whether an origin is allowed; nothing if that is not kept. Allocates nothing.
  [[nodiscard]] std::optional<bool> find(std::string_view origin) const noexcept;

  /// Keeps what was found out about an origin; what is too long for one, or has no bytes, is not
  /// kept, and neither is anything without memory.
  void put(std::string_view origin, bool allowed) noexcept;

  /// How many are kept.
  [[nodiscard]] std::size_t size() const noexcept;

 private:
  static constexpr std::size_t kPlaces = kAllowedPlaces + kRefusedPlaces;
  using Word = std::uint64_t;
  static constexpr std::size_t kMaxWords = (kMaxOriginLength + sizeof(Word) - 1) / sizeof(Word);

  /// Some places, which one thread at a time writes to.
  struct Set {
    std::atomic<std::uint32_t> version{0};             ///< Odd while somebody writes.
    mutable std::atomic<std::uint8_t> asked_about{0};  ///< A bit for each place.
    std::array<std::uint8_t, 2> next{};  ///< Where to look first for a place, allowed and refused.
    /// A part of the hash, and the length; 0: the place is free.
    std::array<std::atomic<Word>, kPlaces> keys{};
    std::array<std::array<std::atomic<Word>, kMaxWords>, kPlaces> texts;

    [[nodiscard]] bool has(std::size_t place, Word key, std::string_view origin) const noexcept;
    void write(std::size_t place, Word key, std::string_view origin) noexcept;
    /// The place that a new origin takes.
    [[nodiscard]] std::size_t place_for(bool allowed) noexcept;
  };

  [[nodiscard]] std::uint64_t hash_of(std::string_view origin) const noexcept;
  /// The set of a hash, made if it is new; null without memory.
  [[nodiscard]] Set* make_set(std::uint64_t hash) noexcept;

  std::uint64_t seed_;
  std::array<std::atomic<Set*>, kSets> sets_{};  ///< Owned; null until it is needed.
};

}  // namespace corsac
