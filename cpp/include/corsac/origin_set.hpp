#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

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

  /// True if a pattern alone matches; used to find exact entries that a wider pattern swallows.
  [[nodiscard]] bool matches_pattern(std::string_view origin) const noexcept;

  /// True if another pattern of the set matches all that `pattern` matches.
  [[nodiscard]] bool has_wider_pattern(const OriginPattern& pattern) const noexcept;

  [[nodiscard]] std::size_t exact_count() const noexcept { return starts_.size(); }
  [[nodiscard]] bool empty() const noexcept { return starts_.empty() && patterns_.empty(); }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t index_plus_one = 0;  ///< 0: free.
  };
  struct HostKey {
    std::string scheme;
    std::string host;
    bool subdomains;
  };
  struct HostKeyView {
    std::string_view scheme;
    std::string_view host;
    bool subdomains;
  };
  struct HostHash {
    using is_transparent = void;
    std::uint64_t seed;
    std::size_t operator()(const HostKeyView& key) const noexcept;
    std::size_t operator()(const HostKey& key) const noexcept {
      return (*this)(HostKeyView{key.scheme, key.host, key.subdomains});
    }
  };
  struct HostEqual {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const noexcept {
      return a.subdomains == b.subdomains && a.scheme == b.scheme && a.host == b.host;
    }
  };
  struct Ports {
    bool any = false;
    bool none = false;
    std::vector<std::uint16_t> listed;
    [[nodiscard]] bool allow(std::string_view port) const noexcept;
    /// True if every port of `pattern` is among these.
    [[nodiscard]] bool cover(const OriginPattern& pattern) const noexcept;
  };

  [[nodiscard]] std::string_view exact(std::size_t index) const noexcept;
  [[nodiscard]] bool contains_exact(std::string_view origin) const noexcept;
  [[nodiscard]] bool host_allows(const HostKeyView& key, std::string_view port) const noexcept;
  void grow(std::size_t slots);

  std::uint64_t seed_;
  std::string bytes_;                  ///< All exact origins, one after the other.
  std::vector<std::uint64_t> starts_;  ///< Where each begins in bytes_.
  std::vector<Slot> slots_;            ///< Open addressing, a power of two, at most half full.
  std::unordered_map<HostKey, Ports, HostHash, HostEqual> patterns_;
  /// Lengths of the hosts that have a subdomain pattern: borders elsewhere are not worth a look-up.
  std::bitset<kMaxHostLength + 2> subdomain_host_lengths_;
};

}  // namespace corsac
