#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <string_view>

#include "corsac/header_names.hpp"
#include "corsac/policy.hpp"

/// The server's half of the CORS protocol (Fetch, "HTTP extensions" and "CORS protocol").
///
/// Pure functions over views: nothing here allocates, throws or keeps a reference, and the work for
/// one request is bounded by the constants below whatever a client sends.
/// https://fetch.spec.whatwg.org/#http-extensions
/// https://fetch.spec.whatwg.org/#http-cors-protocol
namespace corsac {

/// Lines of Access-Control-Request-Headers that are read; browsers send one.
inline constexpr std::size_t kMaxRequestHeadersLines = 8;
/// Bytes of Access-Control-Request-Headers that are read, all lines together.
inline constexpr std::size_t kMaxRequestHeadersBytes = 8192;
/// Empty members of Access-Control-Request-Headers that are tolerated, all lines together.
inline constexpr std::size_t kMaxEmptyMembers = 16;
/// The longest Access-Control-Request-Method that is looked at; a longer one is malformed.
inline constexpr std::size_t kMaxRequestMethodLength = 256;
/// The longest method that is echoed in Access-Control-Allow-Methods.
inline constexpr std::size_t kMaxEchoedMethodLength = 64;
/// The longest Access-Control-Allow-Headers value that is made as an echo.
inline constexpr std::size_t kMaxEchoedHeadersBytes = 4096;

/// The longest Sec-Fetch-Mode that says something; Fetch's are much shorter.
inline constexpr std::size_t kMaxModeLength = 32;

/// The lengths of some header names, which tell most other names from them.
class NameLengths {
 public:
  constexpr NameLengths(std::initializer_list<std::string_view> names) noexcept {
    for (const std::string_view name : names) bits_ |= std::uint64_t{1} << name.size();
  }
  [[nodiscard]] constexpr bool has(std::size_t length) const noexcept {
    return length < 64 && ((bits_ >> length) & 1U) != 0;
  }

 private:
  std::uint64_t bits_ = 0;
};

/// The request headers of the protocol.
inline constexpr NameLengths kProtocolNames{header_names::kOrigin, header_names::kRequestMethod,
                                            header_names::kRequestHeaders,
                                            header_names::kRequestPrivateNetwork};
/// Those, and Host.
inline constexpr NameLengths kHostedNames{
    header_names::kOrigin, header_names::kRequestMethod, header_names::kRequestHeaders,
    header_names::kRequestPrivateNetwork, header_names::kHost};
/// What `guard` looks at beside the protocol's.
inline constexpr NameLengths kGuardNames{header_names::kHost, header_names::kCookie,
                                         header_names::kSecFetchSite, header_names::kSecFetchMode,
                                         header_names::kSecFetchDest};

/// The parts of a request that the protocol looks at. Views into the caller's memory.
class Request {
 public:
  explicit Request(std::string_view method) noexcept : method_(method) {}

  /// Notes one header line if the protocol cares about it; names in any case.
  /// @return true if a view of `value` is kept, which is the case for kMaxKeptValues lines at most.
  bool add_header_line(std::string_view name, std::string_view value) noexcept;
  /// The same for Host, Cookie, Sec-Fetch-Site, Sec-Fetch-Mode and Sec-Fetch-Dest, and for those
  /// alone: what is judged by `guard` or `allowed_hosts`, and what is said of a refusal, depends on
  /// them too.
  bool add_guard_line(std::string_view name, std::string_view value) noexcept;
  /// Both in one.
  bool add_guarded_line(std::string_view name, std::string_view value) noexcept {
    return add_header_line(name, value) || add_guard_line(name, value);
  }
  static constexpr std::size_t kMaxKeptValues = 5 + kMaxRequestHeadersLines;

  /// Only a request that may be a preflight (`may_be_preflight`), or one under a policy with
  /// `guard`, needs its method.
  void set_method(std::string_view method) noexcept { method_ = method; }
  [[nodiscard]] std::string_view method() const noexcept { return method_; }
  /// It has what a preflight has beside its method.
  [[nodiscard]] bool may_be_preflight() const noexcept {
    return has_origin() && has_request_method();
  }
  /// The first line's value; how many lines there were says whether it may be trusted.
  [[nodiscard]] std::string_view origin() const noexcept { return origin_.value; }
  [[nodiscard]] std::size_t origin_lines() const noexcept { return origin_.lines; }
  [[nodiscard]] bool has_origin() const noexcept { return origin_.lines > 0; }
  /// Exactly one line, and it can be one origin. Anything else is never allowed.
  [[nodiscard]] bool has_one_origin() const noexcept;
  [[nodiscard]] std::string_view request_method() const noexcept { return request_method_.value; }
  [[nodiscard]] bool has_request_method() const noexcept { return request_method_.lines > 0; }
  /// Exactly one line, and it is a token of at most kMaxRequestMethodLength bytes.
  [[nodiscard]] bool has_one_request_method() const noexcept;
  /// Access-Control-Request-Private-Network is exactly `true`.
  [[nodiscard]] bool asks_private_network() const noexcept;

  [[nodiscard]] std::string_view sec_fetch_site() const noexcept { return sec_fetch_site_.value; }
  [[nodiscard]] std::size_t sec_fetch_site_lines() const noexcept { return sec_fetch_site_.lines; }
  /// Sec-Fetch-Mode is there and says another mode than `cors`. What is not a mode says nothing,
  /// and neither do two lines.
  [[nodiscard]] bool has_mode_without_cors() const noexcept {
    return mode_ == Mode::kNavigate || mode_ == Mode::kOther;
  }
  /// Sec-Fetch-Mode is one line that says `cors`.
  [[nodiscard]] bool has_cors_mode() const noexcept { return mode_ == Mode::kCors; }
  /// Sec-Fetch-Mode is `navigate` and Sec-Fetch-Dest is `document`, one line each: a frame has
  /// another destination.
  [[nodiscard]] bool is_top_level_navigation() const noexcept {
    return mode_ == Mode::kNavigate && destination_ == Destination::kDocument;
  }
  /// It has a Cookie header, be it empty.
  [[nodiscard]] bool has_cookie() const noexcept { return has_cookie_; }
  [[nodiscard]] std::string_view host() const noexcept { return host_.value; }
  [[nodiscard]] std::size_t host_lines() const noexcept { return host_.lines; }

  /// Notes the scheme by which the server was asked, as far as it knows: behind a proxy that ends
  /// TLS it may take `https` for `http`, but never the other way round.
  /// @param scheme as ASGI and WSGI have it, `ws` and `wss` included; empty: it is not known.
  void set_server_scheme(std::string_view scheme) noexcept;
  /// The server knows that it was asked by TLS.
  [[nodiscard]] bool is_by_tls() const noexcept { return is_by_tls_; }

  /// Calls `take(name)` for each member of Access-Control-Request-Headers that is a token, in
  /// order.
  /// @return false if a member is no token, a limit was reached or `take` gave false; what was
  /// taken until then must not be used.
  template <typename Take>
  [[nodiscard]] bool for_each_requested_header(Take take) const noexcept;
  /// The same for each member that is not empty, be it a token or not.
  template <typename Take>
  [[nodiscard]] bool for_each_requested_member(Take take) const noexcept;

 private:
  struct SingleLine {
    std::string_view value;
    std::size_t lines = 0;
    bool add(std::string_view line) noexcept {
      if (lines++ > 0) return false;
      value = line;
      return true;
    }
  };

  std::string_view method_;
  SingleLine origin_;
  SingleLine request_method_;
  SingleLine private_network_;
  SingleLine sec_fetch_site_;
  SingleLine host_;
  enum class Mode : std::uint8_t { kAbsent, kCors, kNavigate, kOther, kAmbiguous };
  enum class Destination : std::uint8_t { kAbsent, kDocument, kOther };
  [[nodiscard]] Mode mode_with(std::string_view value) const noexcept;

  Mode mode_ = Mode::kAbsent;
  Destination destination_ = Destination::kAbsent;
  bool has_cookie_ = false;
  bool is_by_tls_ = false;
  struct Line {
    const char* data;
    std::size_t size;
  };
  // Only what was written is read: making it zero would cost as much as the rest of a request.
  Line requested_headers_[kMaxRequestHeadersLines];
  std::size_t requested_headers_lines_ = 0;
};

enum class RequestKind : std::uint8_t {
  kNotCors,    ///< No Origin header (Fetch, "CORS request").
  kActual,     ///< A CORS request that is no preflight.
  kPreflight,  ///< OPTIONS with Origin and Access-Control-Request-Method, all three.
};

/// "not-cors", "actual" or "preflight".
[[nodiscard]] std::string_view kind_name(RequestKind kind) noexcept;

/// Tells a CORS request from others, and a preflight request from actual ones.
/// https://fetch.spec.whatwg.org/#cors-request
/// https://fetch.spec.whatwg.org/#cors-preflight-request
[[nodiscard]] RequestKind classify(const Request& request) noexcept;

/// Why a request was refused.
enum class Refusal : std::uint8_t {
  kNone,
  kOriginNotAllowed,
  kPathAmbiguous,           ///< Its repeated slashes choose one policy or another.
  kOriginMalformed,         ///< Two Origin lines, a list, an over-long or empty value, odd bytes.
  kRequestMethodMalformed,  ///< Access-Control-Request-Method is no single token.
  kCrossOriginRequest,      ///< guard: an unsafe request from an origin that is not allowed.
  kCrossOriginWebSocket,    ///< guard: a WebSocket handshake from an origin that is not allowed.
  kCrossOriginRead,         ///< guard: what another site embeds (`GuardOptions::isolate_reads`).
  kHostMalformed,           ///< allowed_hosts: no Host line, two, or one that is no Host.
  kHostNotAllowed,          ///< allowed_hosts: a Host that is not listed.
};
inline constexpr std::size_t kRefusalKinds = 10;

/// The stable reason code, such as "origin-not-allowed"; empty for kNone.
[[nodiscard]] std::string_view reason_code(Refusal refusal) noexcept;

/// The status of the answer to a request that is refused before the application runs. A Host that
/// is none gets 400 (RFC 9112 section 3.2), all else 403. A Host that is not listed gets no 421,
/// though that is about it (RFC 9110 section 15.5.20): browsers send such a request a second time,
/// on another connection (Fetch, "HTTP-network-or-cache fetch").
[[nodiscard]] int refused_status(Refusal refusal) noexcept;

struct Decision {
  RequestKind kind = RequestKind::kNotCors;
  bool allowed = false;  ///< The origin may read the response.
  Refusal refusal = Refusal::kNone;
  /// The origin is not listed, but the policy asks outside the core; until `settle` it is refused.
  bool asks = false;
};

/// Classifies and judges a request. A request without Origin is neither allowed nor refused.
/// @param known_allowed it has one Origin line, and it is known already that the policy
/// `allows_origin`: that needs no look-up.
/// https://fetch.spec.whatwg.org/#http-requests
[[nodiscard]] Decision decide(const Policy& policy, const Request& request,
                              bool known_allowed = false) noexcept;

/// True if a policy that is one of several in one place covers the request's origin, so that it
/// decides unless one before it does. It never covers what is no single origin.
[[nodiscard]] bool covers_origin(const Policy& policy, const Request& request) noexcept;

/// True if it does not, and may all the same: whoever is asked outside the core knows.
[[nodiscard]] bool asks_about_origin(const Policy& policy, const Request& request) noexcept;

/// A decision that asks, once the answer is there.
[[nodiscard]] Decision settle(Decision decision, bool allowed) noexcept;

struct HeaderLine {
  std::string_view name;  ///< Lower case, static.
  std::string_view value;
};

/// A short list of header lines without allocation. Its places are not made empty first, which
/// would cost more than filling those that are used.
class HeaderLines {
 public:
  static constexpr std::size_t kCapacity = 8;
  void add(std::string_view name, std::string_view value) noexcept {
    if (size_ < kCapacity) std::construct_at(place(size_++), HeaderLine{name, value});
  }
  [[nodiscard]] const HeaderLine* begin() const noexcept {
    return std::launder(reinterpret_cast<const HeaderLine*>(places_));
  }
  [[nodiscard]] const HeaderLine* end() const noexcept { return begin() + size_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  [[nodiscard]] HeaderLine* place(std::size_t index) noexcept {
    return reinterpret_cast<HeaderLine*>(places_) + index;
  }

  alignas(HeaderLine) std::byte places_[kCapacity * sizeof(HeaderLine)];
  std::size_t size_ = 0;
};

/// A whole answer given by the middleware itself. The views point into the policy, the request and
/// this object, so it is neither copied nor moved.
struct Answer {
  Answer() = default;
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  int status = 0;
  HeaderLines headers;
  std::string_view body;
  std::array<char, kMaxEchoedHeadersBytes> echo;
};

/// The answer to a preflight. From an allowed origin it is the whole, static answer: a method or
/// header that is not listed is *not* refused here, since the browser refuses it and then names the
/// culprit, and one answer primes its cache for every method. From a refused origin it is
/// `refuse()`.
/// @param decision what `decide` gave; its kind is kPreflight.
/// https://fetch.spec.whatwg.org/#http-responses
void answer_preflight(const Policy& policy, const Request& request, const Decision& decision,
                      Answer& answer) noexcept;

/// A 403 with the reason code as text and no CORS header but Vary: a preflight's, or for a read
/// what its answer depends on.
void refuse(const Policy& policy, Refusal refusal, Answer& answer) noexcept;

/// The headers of a preflight answer that go onto the application's own one (`preflight_continue`);
/// none if the origin is refused. Vary is left to the caller, who merges it.
void preflight_headers(const Policy& policy, const Request& request, const Decision& decision,
                       Answer& answer) noexcept;

/// The headers set on the response to any request that is no preflight. Vary is left to the caller.
/// @param origin the request's Origin line.
/// @param allowed what `decide` gave.
/// https://fetch.spec.whatwg.org/#http-responses
[[nodiscard]] HeaderLines actual_headers(const Policy& policy, std::string_view origin,
                                         bool allowed) noexcept;

/// What a header line of the application's response is to the policy.
enum class ResponseHeaderRole : std::uint8_t {
  kOther,           ///< Passed on.
  kOwned,           ///< The policy decides it: never passed on.
  kPreflightOwned,  ///< The same, but only in the answer to a preflight; elsewhere it means
                    ///< nothing.
  kVary,            ///< Merged.
  kTiming,          ///< Owned under a policy that `allows_timing`, unless it answers a preflight.
};

/// All header names that have a role.
inline constexpr NameLengths kResponseNames{header_names::kVary,
                                            header_names::kAllowOrigin,
                                            header_names::kExposeHeaders,
                                            header_names::kAllowCredentials,
                                            header_names::kAllowMethods,
                                            header_names::kAllowHeaders,
                                            header_names::kMaxAge,
                                            header_names::kAllowPrivateNetwork,
                                            header_names::kTimingAllowOrigin};

/// A byte that servers may take off the ends of a header name, and browsers may read past: a
/// control, a space, or one beyond ASCII. None is part of a token.
constexpr bool is_name_padding(char byte) noexcept {
  return static_cast<unsigned char>(byte - '!') > '~' - '!';
}

/// True if a header name is not sent, or not read, as it stands here.
constexpr bool is_padded_name(std::string_view name) noexcept {
  return !name.empty() && (is_name_padding(name.front()) || is_name_padding(name.back()));
}

/// The name as it may arrive.
constexpr std::string_view without_padding(std::string_view name) noexcept {
  while (!name.empty() && is_name_padding(name.front())) name.remove_prefix(1);
  while (!name.empty() && is_name_padding(name.back())) name.remove_suffix(1);
  return name;
}

/// @param name a header name in any case, `without_padding`.
[[nodiscard]] ResponseHeaderRole response_header_role(std::string_view name) noexcept;

/// True if a Vary value already says `lower_member`, a name in lower case, or `*`.
/// https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches
[[nodiscard]] bool vary_covers(std::string_view value, std::string_view lower_member) noexcept;

}  // namespace corsac

#include "corsac/ascii.hpp"

template <typename Take>
bool corsac::Request::for_each_requested_header(Take take) const noexcept {
  return for_each_requested_member(
      [&take](std::string_view member) { return ascii::is_token(member) && take(member); });
}

template <typename Take>
bool corsac::Request::for_each_requested_member(Take take) const noexcept {
  if (requested_headers_lines_ > kMaxRequestHeadersLines) return false;
  std::size_t bytes = 0;
  std::size_t empty = 0;
  for (std::size_t i = 0; i < requested_headers_lines_; ++i) {
    std::string_view rest{requested_headers_[i].data, requested_headers_[i].size};
    bytes += rest.size();
    if (bytes > kMaxRequestHeadersBytes) return false;
    while (!rest.empty()) {
      const std::string_view member = ascii::take_list_member(rest);
      if (member.empty()) {
        if (++empty > kMaxEmptyMembers) return false;
      } else if (!take(member)) {
        return false;
      }
    }
  }
  return true;
}
