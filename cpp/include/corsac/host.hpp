#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Hosts as the URL standard writes them (URL, "host parsing" and "host serializing",
/// https://url.spec.whatwg.org/#host-parsing). A host that the parser takes and then serializes to
/// other bytes is in no origin, so each question here is: is this what comes out?
namespace corsac {

inline constexpr std::size_t kMaxHostLength = 253;  ///< RFC 1035, without the trailing dot.
inline constexpr std::size_t kMaxLabelLength = 63;  ///< RFC 1035.

/// URL, "special scheme" (https://url.spec.whatwg.org/#special-scheme), but `file`: http, https,
/// ws, wss and ftp. Their hosts are domains and addresses, those of all other schemes opaque. No
/// page has one of the last three as its origin; they are read as the standard reads them.
[[nodiscard]] bool is_special_scheme(std::string_view scheme) noexcept;

/// URL, "default port" of a special scheme, which is never written.
[[nodiscard]] std::optional<std::uint16_t> default_port(std::string_view scheme) noexcept;

/// True if the host parser (https://url.spec.whatwg.org/#concept-host-parser), given a host of a
/// special scheme, takes it and serializes it to the same bytes: a domain in lower case without
/// forbidden domain code points, a canonical IPv4 address if the last label is a number, or a
/// canonical IPv6 address in brackets. Hyphens and underscores may stand anywhere, labels may be
/// empty, and nothing is too long, since "domain to ASCII" is not strict there.
///
/// Two departures. A comma is refused: with it in one origin, two origins and one could not be told
/// apart. And whether an A-label (`xn--...`) stands for a text is not looked at, which would need
/// Unicode's tables; `corsac.validation` does so for configured entries.
[[nodiscard]] bool is_serialized_host(std::string_view host);

/// True if the opaque-host parser (https://url.spec.whatwg.org/#concept-opaque-host-parser) takes a
/// host and serializes it to the same bytes: visible ASCII in any case without forbidden host code
/// points, percent signs included, or a canonical IPv6 address in brackets. A comma is refused, as
/// in `is_serialized_host`.
[[nodiscard]] bool is_serialized_opaque_host(std::string_view host);

/// True if `label` is made of one or more of `a-z 0-9 - _`. What else the host parser lets into a
/// domain (`a$`, `a!`, an empty label) no resolver looks up, so no page comes from there.
[[nodiscard]] bool has_label_bytes(std::string_view label) noexcept;

/// True if `*` in a pattern may stand for `label`: 1 to 63 of `a-z 0-9 - _`. Hyphens may stand at
/// either end: browsers open such hosts (`https://user-.github.io`), although nobody can register
/// one directly below a top-level domain (RFC 1123 section 2.1).
[[nodiscard]] bool is_host_label(std::string_view label) noexcept;

/// URL, "ends in a number checker" (https://url.spec.whatwg.org/#ends-in-a-number-checker), for a
/// host in lower case: every browser reads such a host as an IPv4 address.
[[nodiscard]] bool ends_in_a_number(std::string_view host) noexcept;

/// The last label of a host; a trailing dot makes no difference.
[[nodiscard]] std::string_view last_label(std::string_view host) noexcept;

/// The name without its optional single trailing dot.
[[nodiscard]] std::string_view without_trailing_dot(std::string_view host) noexcept;

/// URL, "IPv4 parser" and "IPv4 serializer" (https://url.spec.whatwg.org/#concept-ipv4-parser) for
/// a host in lower case: `127.1` and `0x7f000001` are `127.0.0.1`. Nothing if it is no address.
[[nodiscard]] std::optional<std::string> canonical_ipv4(std::string_view host);

/// URL, "IPv6 parser" (https://url.spec.whatwg.org/#concept-ipv6-parser): true if it takes the
/// text, which has no brackets.
[[nodiscard]] bool is_ipv6_address(std::string_view text) noexcept;

/// URL, "IPv6 parser" and "IPv6 serializer" (https://url.spec.whatwg.org/#concept-ipv6-serializer):
/// the bracketed form of an address that is given without brackets. Nothing if it is no address.
[[nodiscard]] std::optional<std::string> canonical_ipv6(std::string_view address);

}  // namespace corsac
