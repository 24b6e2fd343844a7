#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "corsac/large_pages.hpp"
#include "corsac/origin.hpp"

namespace corsac {

/// The origins a policy allows: filled once, then read by any number of threads.
///
/// Exact origins are one hash of the whole byte string: the CORS check is byte equality, so nothing
/// is parsed, folded or decoded. Patterns are looked up by scheme and host suffix at label borders.
/// There is no radix tree on purpose: a wrong turn in one has let a look-alike through in another
/// library.
///
/// The hash is seeded, since tenants may choose their own origins and must not be able to make the
/// table slow for everybody.
class OriginSet {
 public:
  /// @param seed secret of the hash; anything works, an unpredictable one defends.
  explicit OriginSet(std::uint64_t seed);

  /// The bytes of all exact origins together that a set can hold.
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 39U;

  /// Makes room for `count` exact origins of `bytes` bytes in all.
  void reserve(std::size_t count, std::size_t bytes);

  /// Adds one serialized origin as it is. @return false if it was there already.
  bool add_exact(std::string_view origin);

  /// Adds a pattern with a wildcard. Precondition: `!pattern.is_exact()`.
  /// @return false if the same pattern was there already.
  bool add_pattern(const OriginPattern& pattern);

  /// True if the request's Origin equals an exact origin or matches a pattern. Bounded by
  /// kMaxOriginLength, allocates nothing. `null` matches only if it was added as exact.
  [[nodiscard]] bool contains(std::string_view origin) const noexcept;

  /// The same of exact origins alone.
  [[nodiscard]] bool contains_exact(std::string_view origin) const noexcept;

  /// Calls a function with each exact origin, in no order.
  template <typename Visit>
  void for_each_exact(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (!slot.is_free()) visit(text_of(slot));
    }
  }

  /// True if a pattern alone matches; used to find exact entries that a wider pattern swallows.
  [[nodiscard]] bool matches_pattern(std::string_view origin) const noexcept;

  /// True if another pattern of the set matches all that `pattern` matches.
  [[nodiscard]] bool has_wider_pattern(const OriginPattern& pattern) const noexcept;

  [[nodiscard]] std::size_t exact_count() const noexcept { return exact_count_; }
  [[nodiscard]] bool empty() const noexcept { return exact_count_ == 0 && patterns_.empty(); }

 private:
  /// One place of the table: where an origin stands in bytes_ and a part of its hash, in one word,
  /// so that a look-up reads two places of memory, the slot and the text.
  class Slot {
   public:
    Slot() = default;
    Slot(std::uint64_t hash, std::uint64_t begin, std::size_t length) noexcept
        : word_(tag_of(hash) << kTagShift | std::uint64_t{length} << kLengthShift | begin) {}
    [[nodiscard]] bool is_free() const noexcept { return word_ == 0; }  // No origin is empty.
    [[nodiscard]] std::uint64_t begin() const noexcept { return word_ & (kMaxBytes - 1); }
    [[nodiscard]] std::size_t length() const noexcept {
      return word_ >> kLengthShift & ((1U << kLengthBits) - 1);
    }
    /// True unless it is certain that another hash and length were put in.
    [[nodiscard]] bool may_be(std::uint64_t hash, std::size_t length) const noexcept {
      return word_ >> kLengthShift ==
             (tag_of(hash) << (kTagShift - kLengthShift) | std::uint64_t{length});
    }

   private:
    static constexpr unsigned kLengthShift = 39;
    static constexpr unsigned kLengthBits = 9;
    static constexpr unsigned kTagShift = kLengthShift + kLengthBits;
    static_assert(kMaxBytes == std::uint64_t{1} << kLengthShift);
    static_assert(kMaxOriginLength < 1U << kLengthBits);
    /// The place in the table comes from the other end of the hash.
    static std::uint64_t tag_of(std::uint64_t hash) noexcept { return hash >> kTagShift; }

    std::uint64_t word_ = 0;
  };
  struct HostKey {
    std::string scheme;
    std::string host;
    bool subdomains;
  };
  /// A scheme with its hash, which is the seed for all hosts under it.
  struct Scheme {
    std::string_view text;
    std::uint64_t hash;
  };
  struct HostKeyView {
    Scheme scheme;
    std::string_view host;
    bool subdomains;
  };
  struct HostHash {
    using is_transparent = void;
    std::uint64_t seed;
    std::size_t operator()(const HostKeyView& key) const noexcept;
    std::size_t operator()(const HostKey& key) const noexcept;
  };
  struct HostEqual {
    using is_transparent = void;
    bool operator()(const HostKey& a, const HostKey& b) const noexcept {
      return a.subdomains == b.subdomains && a.scheme == b.scheme && a.host == b.host;
    }
    bool operator()(const HostKeyView& a, const HostKey& b) const noexcept {
      return a.subdomains == b.subdomains && a.scheme.text == b.scheme && a.host == b.host;
    }
    bool operator()(const HostKey& a, const HostKeyView& b) const noexcept { return (*this)(b, a); }
  };
  struct Ports {
    bool any = false;
    bool none = false;
    std::vector<std::uint16_t> listed;
    [[nodiscard]] bool allow(std::string_view port) const noexcept;
    /// True if every port of `pattern` is among these.
    [[nodiscard]] bool cover(const OriginPattern& pattern) const noexcept;
  };

  [[nodiscard]] std::string_view text_of(const Slot& slot) const noexcept {
    return std::string_view(bytes_).substr(slot.begin(), slot.length());
  }
  /// The slot of an origin, or the free one where it would be. The table is not empty.
  [[nodiscard]] std::size_t find(std::string_view origin, std::uint64_t hash) const noexcept;
  [[nodiscard]] Scheme hashed(std::string_view scheme) const noexcept;
  [[nodiscard]] bool host_allows(const HostKeyView& key, std::string_view port) const noexcept;
  void grow(std::size_t slots);

  std::uint64_t seed_;
  using Slots = std::vector<Slot, LargePageAllocator<Slot>>;
  using Bytes = std::basic_string<char, std::char_traits<char>, LargePageAllocator<char>>;
  Bytes bytes_;  ///< All exact origins, one after the other.
  Slots slots_;  ///< Open addressing, a power of two, at most half full.
  std::size_t exact_count_ = 0;
  std::unordered_map<HostKey, Ports, HostHash, HostEqual> patterns_;
  bool has_host_patterns_ = false;  ///< There is one without subdomains, `http://localhost:*`.
  /// Lengths of the hosts that have a subdomain pattern: borders elsewhere are not worth a look-up.
  std::bitset<kMaxHostLength + 2> subdomain_host_lengths_;
};

}  // namespace corsac
