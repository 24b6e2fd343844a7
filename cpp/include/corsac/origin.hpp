#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "corsac/config_problem.hpp"
#include "corsac/host.hpp"

/// Origins and origin patterns (HTML, "origin"; Fetch, "`Origin` header"; URL, "origin",
/// https://url.spec.whatwg.org/#origin).
///
/// Two readers, on purpose: a configured entry is read strictly once, so that an entry no browser
/// can send is an error; a request's Origin is only cut into parts, and whatever it says is
/// compared byte by byte with what was configured.
///
/// What a host may be depends on the scheme. In http(s) the URL standard's host parser decides. All
/// other schemes are browsers' own (extensions, app shells): the standard gives them opaque hosts,
/// and browsers an origin nevertheless, so their hosts are taken as they are, byte by byte.
/// https://fetch.spec.whatwg.org/#origin-header
namespace corsac {

inline constexpr std::size_t kMaxSchemeLength = 64;
inline constexpr std::size_t kMaxPortLength = 5;

/// The longest origin that is looked at: scheme, "://", a host as long as DNS has them, trailing
/// dot or ":", port. The URL standard has no such limit.
inline constexpr std::size_t kMaxOriginLength =
    kMaxSchemeLength + 3 + kMaxHostLength + 1 + kMaxPortLength;
static_assert(kMaxOriginLength == 326);

/// The serialization of an opaque origin (HTML, "ASCII serialization of an origin").
inline constexpr std::string_view kNullOrigin = "null";

/// One entry of `allow_origins` other than `*` and `null`, taken apart. `https://*.example.com:*`
/// has host "example.com", `subdomains` and `any_port` set, and no port.
struct OriginPattern {
  std::string scheme;
  std::string host;  ///< As it is sent; IPv6 in brackets; a trailing dot is part of it.
  std::optional<std::uint16_t> port;  ///< Absent: the scheme's default, which is never written.
  bool subdomains = false;     ///< `*.host`: one or more labels before host, never host itself.
  bool any_port = false;       ///< `:*`: any port or none.
  bool is_ip_address = false;  ///< In an opaque host only IPv6 is one.

  [[nodiscard]] bool is_exact() const noexcept { return !subdomains && !any_port; }
};

/// Why an entry is no origin pattern.
struct OriginError {
  ProblemCode code;
  std::string message;
  std::string suggestion;  ///< The origin that was probably meant, or empty.
  /// The suggestion has what browsers make of `192.168.1`, and its author may well mean another
  /// address.
  bool is_address_filled_up = false;
};

/// Reads one configured entry strictly: a pattern, or what `is_serialized_origin` holds for. Of the
/// latter, two things are errors nevertheless, since they are mistakes wherever they are written: a
/// `*` that is no wildcard, and in http(s) a host with other bytes than those of `has_label_bytes`
/// or with an empty label, from which no browser can load a page (`https://app.test$` is half a
/// regular expression, `https://a.test;b.test` a list). Wildcards for subdomains stand before such
/// a host in every scheme.
/// @param entry any bytes.
/// @return the pattern, or the first reason why no browser could ever send an origin it matches.
[[nodiscard]] std::variant<OriginPattern, OriginError> parse_origin_pattern(std::string_view entry);

/// True if `bytes` are what a browser can send as the origin of a page, but `null`: a scheme in
/// lower case, "://", a host that `is_serialized_host` or `is_serialized_opaque_host` holds for,
/// and a port from 1 to 65535 unless it is the scheme's default. (Port 0, which the standard lets
/// pass, is blocked by every browser; Fetch, "bad port".) Pages of the scheme `file` have the
/// origin `null`. For judging an origin before user code sees it.
/// https://fetch.spec.whatwg.org/#bad-port
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

/// True for 1 to 65535 in decimal without leading zeros.
[[nodiscard]] bool is_port(std::string_view digits) noexcept;

/// Secure Contexts, "potentially trustworthy origin": https, or a loopback address, or localhost
/// and names below it.
[[nodiscard]] bool is_potentially_trustworthy(const OriginPattern& pattern) noexcept;

}  // namespace corsac
