#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "corsac/config_problem.hpp"

/// Origins and origin patterns (HTML, "origin"; Fetch, "`Origin` header").
///
/// Two readers, on purpose: a configured entry is read strictly once, so that an entry no browser
/// can send is an error; a request's Origin is only cut into parts, and whatever it says is
/// compared byte by byte with what was configured.
namespace corsac {

inline constexpr std::size_t kMaxSchemeLength = 64;
inline constexpr std::size_t kMaxHostLength = 253;  ///< RFC 1035, without the trailing dot.
inline constexpr std::size_t kMaxLabelLength = 63;  ///< RFC 1035.
inline constexpr std::size_t kMaxPortLength = 5;

/// The longest origin that is looked at: scheme, "://", host, trailing dot or ":", port.
inline constexpr std::size_t kMaxOriginLength =
    kMaxSchemeLength + 3 + kMaxHostLength + 1 + kMaxPortLength;
static_assert(kMaxOriginLength == 326);

/// The serialization of an opaque origin (HTML, "ASCII serialization of an origin").
inline constexpr std::string_view kNullOrigin = "null";

/// One entry of `allow_origins` other than `*` and `null`, taken apart. `https://*.example.com:*`
/// has host "example.com", `subdomains` and `any_port` set, and no port.
struct OriginPattern {
  std::string scheme;
  std::string host;  ///< Lower case; IPv6 in brackets; a trailing dot is part of it.
  std::optional<std::uint16_t> port;  ///< Absent: the scheme's default, which is never written.
  bool subdomains = false;  ///< `*.host`: one or more labels before host, never host itself.
  bool any_port = false;    ///< `:*`: any port or none.
  bool is_ip_address = false;

  [[nodiscard]] bool is_exact() const noexcept { return !subdomains && !any_port; }
};

/// Why an entry is no origin pattern.
struct OriginError {
  ProblemCode code;
  std::string message;
  std::string suggestion;  ///< The origin that was probably meant, or empty.
};

/// Reads one configured entry strictly.
/// @param entry any bytes.
/// @return the pattern, or the first reason why no browser could ever send an origin it matches.
[[nodiscard]] std::variant<OriginPattern, OriginError> parse_origin_pattern(std::string_view entry);

/// True if `bytes` are what a browser sends as the origin of a page with a tuple origin: one entry
/// that `parse_origin_pattern` accepts, without wildcards. For judging an origin before user code
/// sees it.
[[nodiscard]] bool is_serialized_origin(std::string_view bytes);

/// A request's Origin cut into parts; views into the request. See `split_origin`.
struct OriginParts {
  std::string_view scheme;
  std::string_view host;
  std::string_view port;  ///< Empty: none.
};

/// Cuts `scheme://host[:port]` apart without judging scheme or host. The port, if any, is 1 to
/// 65535 without leading zeros. Gives nothing for `null`, for an over-long origin and for anything
/// else.
[[nodiscard]] std::optional<OriginParts> split_origin(std::string_view origin) noexcept;

/// True if `bytes` can be the value of one Origin header line: not empty, at most kMaxOriginLength
/// bytes, visible ASCII, no comma, and not `*`, which repeated in a response would mean everybody.
/// Browsers send more hosts than the ABNF allows (underscores, trailing dots), so nothing narrower
/// is asked for.
[[nodiscard]] bool can_be_one_origin(std::string_view bytes) noexcept;

/// True if `label` can be one label of a host name: 1 to 63 of `a-z 0-9 - _`, no hyphen at either
/// end. URL parsers let hyphens at the ends pass; host names may not have them (RFC 1123
/// section 2.1), nobody can register one, and what is not allowed here is refused.
[[nodiscard]] bool is_host_label(std::string_view label) noexcept;

/// True for 1 to 65535 in decimal without leading zeros.
[[nodiscard]] bool is_port(std::string_view digits) noexcept;

/// Secure Contexts, "potentially trustworthy origin": https, or a loopback address, or localhost
/// and names below it.
[[nodiscard]] bool is_potentially_trustworthy(const OriginPattern& pattern) noexcept;

}  // namespace corsac
