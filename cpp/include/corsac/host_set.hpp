#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "corsac/config_problem.hpp"
#include "corsac/cors_protocol.hpp"
#include "corsac/host.hpp"

/// The names that a server answers to, against DNS rebinding: a page whose own name was made to
/// point at the server is of the same origin, so that no CORS check and no guard sees anything
/// foreign in it. Its Host header is the only thing that tells.
namespace corsac {

/// The longest Host header that is looked at: a name with a trailing dot, a colon and a port.
inline constexpr std::size_t kMaxHostHeaderLength = kMaxHostLength + 7;

/// One entry of `allowed_hosts`.
struct HostEntry {
  std::string host;                   ///< Without `*.`; an IPv6 address has its brackets.
  bool subdomains = false;            ///< `*.` stood before it: one or more labels, never the apex.
  std::optional<std::uint16_t> port;  ///< Nothing: any port, or none.
};

struct HostError {
  ProblemCode code;
  std::string message;
  std::string suggestion;  ///< What was most probably meant; may be empty.
};

/// Reads an entry: `api.example.com`, `api.example.com:8443`, `*.example.com`, `127.0.0.1` or
/// `[::1]`, as browsers write a host: in lower case, other scripts as A-labels, addresses as the
/// URL standard serializes them. A name with a dot at its end is another one than that without, as
/// it is in an origin.
[[nodiscard]] std::variant<HostEntry, HostError> parse_host_entry(std::string_view entry);

/// The hosts that a server answers to: filled once, then read by any number of threads.
///
/// A name is one look-up in a seeded hash, as an origin is in an OriginSet; names below a wildcard
/// are one for each label border at which some wildcard is long enough to begin.
class HostSet {
 public:
  /// @param count how many entries will be added. @param seed see OriginSet.
  HostSet(std::size_t count, std::uint64_t seed);

  /// @return false if the same entry was there already.
  bool add(const HostEntry& entry);

  /// True if other entries of the set cover all that this one does.
  [[nodiscard]] bool covers(const HostEntry& entry) const noexcept;

  /// Judges the Host header of a request; allocates nothing, and reads kMaxHostHeaderLength bytes
  /// at most.
  ///
  /// Letters are compared without their case. An entry without a port allows any; one with the
  /// port 80 or 443 also a Host without one, since clients leave out the default port of a scheme
  /// that the server behind a proxy does not know. What guards is the name.
  ///
  /// Deliberately not done: no port alone is refused as foreign, no address is allowed for being
  /// one, no dot is taken off the end, and no other spelling of an address is the same. Browsers
  /// send one spelling (URL, "host serializing"), and for the rest a closed door is no harm.
  ///
  /// @param lines how many Host lines there are. @param host the value of the first.
  /// @return kNone; kHostMalformed if there is not one line, or it is no Host of RFC 9110 section
  /// 7.2, which is what RFC 9112 section 3.2 demands a 400 for; or kHostNotAllowed.
  [[nodiscard]] Refusal check(std::size_t lines, std::string_view host) const noexcept {
    if (lines == 1) {
      for (const std::string& usual : usual_) {
        if (host == usual) return Refusal::kNone;
      }
    }
    return check_unusual(lines, host);
  }

 private:
  /// So many Host headers are compared before any other is looked up: most servers have one name.
  static constexpr std::size_t kMaxUsual = 4;

  struct Name {
    std::string host;  ///< Empty: the place is free.
    bool subdomains = false;
    bool any_port = false;
    std::vector<std::uint16_t> ports;  ///< Ascending.
  };
  /// A Host header in its parts; the port is 0 if there is none.
  struct Parts {
    std::string_view name;
    std::uint16_t port = 0;
    bool has_port = false;
  };

  void add_usual(const HostEntry& entry);
  [[nodiscard]] Refusal check_unusual(std::size_t lines, std::string_view host) const noexcept;
  [[nodiscard]] static std::optional<Parts> split(std::string_view host) noexcept;
  [[nodiscard]] static bool allows_port(const Name& name, const Parts& parts) noexcept;
  /// The place of a name, or the free one where it would be.
  [[nodiscard]] std::size_t find(std::string_view host, bool subdomains) const noexcept;
  [[nodiscard]] const Name* get(std::string_view host, bool subdomains) const noexcept;
  [[nodiscard]] bool allows(std::string_view host, bool subdomains,
                            const Parts& parts) const noexcept;
  [[nodiscard]] bool allows_below(const Parts& parts) const noexcept;
  [[nodiscard]] Refusal check_parts(std::string_view host) const noexcept;
  [[nodiscard]] Refusal check_other(Parts parts) const noexcept;

  std::uint64_t seed_;
  std::vector<std::string> usual_;  ///< Those that browsers send for the first names.
  std::vector<Name> names_;         ///< Open addressing, a power of two, at most half full.
  /// Lengths of the hosts that have a wildcard: borders elsewhere are not worth a look-up.
  std::bitset<kMaxHostLength + 2> wildcard_lengths_;
};

/// What came of building: the set if no error stands, and every problem in any case.
struct HostSetBuild {
  std::shared_ptr<const HostSet> hosts;  ///< Null if a problem is an error.
  std::vector<ConfigProblem> problems;   ///< In the order of the entries, at most one for each.
};

/// Validates all entries at once and compiles them.
[[nodiscard]] HostSetBuild build_host_set(const std::vector<std::string>& entries);

}  // namespace corsac
