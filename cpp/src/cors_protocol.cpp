#include "corsac/cors_protocol.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "corsac/ascii.hpp"
#include "corsac/fetch_names.hpp"
#include "corsac/header_names.hpp"

namespace corsac {
namespace {

using namespace header_names;

constexpr std::string_view kTrue = "true";

struct RefusalRow {
  Refusal refusal;
  std::string_view code;
  std::string_view length;  ///< Of the code, in decimal: the body of a refusal is its code.
};

constexpr std::array kRefusals = {
    RefusalRow{Refusal::kNone, "", "0"},
    RefusalRow{Refusal::kOriginNotAllowed, "origin-not-allowed", "18"},
    RefusalRow{Refusal::kPathAmbiguous, "path-ambiguous", "14"},
    RefusalRow{Refusal::kOriginMalformed, "origin-malformed", "16"},
    RefusalRow{Refusal::kRequestMethodMalformed, "request-method-malformed", "24"},
    RefusalRow{Refusal::kCrossOriginRequest, "cross-origin-request", "20"},
    RefusalRow{Refusal::kCrossOriginWebSocket, "cross-origin-websocket", "22"},
    RefusalRow{Refusal::kCrossOriginRead, "cross-origin-read", "17"},
    RefusalRow{Refusal::kHostMalformed, "host-malformed", "14"},
    RefusalRow{Refusal::kHostNotAllowed, "host-not-allowed", "16"},
};

static_assert(kRefusals.size() == kRefusalKinds);

consteval bool refusals_are_right() {
  for (std::size_t i = 0; i < kRefusals.size(); ++i) {
    std::size_t length = 0;
    for (const char digit : kRefusals[i].length)
      length = length * 10 + static_cast<std::size_t>(digit - '0');
    if (static_cast<std::size_t>(kRefusals[i].refusal) != i) return false;
    if (length != kRefusals[i].code.size()) return false;
  }
  return true;
}
static_assert(refusals_are_right(),
              "rows are in the order of the enum and lengths are the codes' own");

void add_allow_methods(const Policy& policy, const Request& request,
                       HeaderLines& headers) noexcept {
  if (policy.echoes_methods()) {
    // decide() has seen to it that this is one token.
    const std::string_view method = request.request_method();
    if (method.size() <= kMaxEchoedMethodLength && !fetch::is_forbidden_method(method)) {
      headers.add(kAllowMethods, method);
    }
  } else if (!policy.methods().value.empty()) {
    headers.add(kAllowMethods, policy.methods().value);
  }
}

void add_allow_headers(const Policy& policy, const Request& request, Answer& answer) noexcept {
  if (!policy.echoes_headers()) {
    if (!policy.headers().value.empty()) answer.headers.add(kAllowHeaders, policy.headers().value);
    return;
  }
  std::size_t size = 0;
  const auto append = [&answer, &size](std::string_view bytes) {
    if (size + bytes.size() > answer.echo.size()) return false;
    std::ranges::copy(bytes, answer.echo.begin() + static_cast<std::ptrdiff_t>(size));
    size += bytes.size();
    return true;
  };
  const bool whole = request.for_each_requested_header([&append, &size](std::string_view name) {
    return (size == 0 || append(", ")) && append(name);
  });
  // A part of the list would be misleading; none of it makes the browser name the header it missed.
  if (whole && size > 0) answer.headers.add(kAllowHeaders, {answer.echo.data(), size});
}

/// @param origin the request's, if it is allowed.
void add_allow_origin(const Policy& policy, std::optional<std::string_view> origin,
                      HeaderLines& headers) noexcept {
  const bool any = policy.origin_mode() == Policy::OriginMode::kAny;
  headers.add(kAllowOrigin, origin && !any ? *origin : policy.constant_origin());
  if (policy.allow_credentials()) headers.add(kAllowCredentials, kTrue);
}

/// The last four bytes with one bit set in each, which folds the case of letters and more.
inline std::uint32_t folded_tail(const char* end) noexcept {
  std::uint32_t tail = 0;
  std::memcpy(&tail, end - sizeof tail, sizeof tail);
  return tail | 0x20202020U;
}

/// ascii::equals_lowercased for a name that is as long as `kName`. The names of one length that
/// browsers send and the protocol's own differ in their ends (`sec-fetch-site`, `sec-fetch-mode`),
/// so one comparison tells most of them apart.
template <const std::string_view& kName>
bool is(std::string_view name) noexcept {
  constexpr std::size_t kSize = kName.size();
  static_assert(kSize >= sizeof(std::uint32_t));
  const char* const bytes = name.data();
  if (folded_tail(bytes + kSize) != folded_tail(kName.data() + kSize)) return false;
  return std::memcmp(bytes, kName.data(), kSize) == 0 || ascii::equals_lowercased(name, kName);
}

/// True if nothing but tabs and spaces is between a part of a list and the commas around it.
bool is_whole_member(std::string_view list, std::size_t begin, std::size_t size) noexcept {
  std::size_t before = begin;
  while (before > 0 && ascii::is_tab_or_space(list[before - 1])) --before;
  std::size_t after = begin + size;
  while (after < list.size() && ascii::is_tab_or_space(list[after])) ++after;
  return (before == 0 || list[before - 1] == ',') && (after == list.size() || list[after] == ',');
}

bool has_asterisk_member(std::string_view list) noexcept {
  for (std::size_t at = list.find('*'); at != list.npos; at = list.find('*', at + 1)) {
    if (is_whole_member(list, at, 1)) return true;
  }
  return false;
}

/// The same byte in all places of a word.
constexpr std::uint64_t repeated(unsigned char byte) noexcept {
  return std::uint64_t{0x0101010101010101} * byte;
}

/// Folds the case of letters, and more.
constexpr unsigned char kCaseBit = 0x20;

inline std::uint64_t folded_word(const char* from) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word | repeated(kCaseBit);
}

/// Looks for a member where its first and its last byte are, a block at a time: nearly all of a
/// long list is gone through without a branch, many bytes at once.
bool has_member(std::string_view list, std::string_view lower) noexcept {
  constexpr std::size_t kBlock = 8 * sizeof(std::uint64_t);
  const std::size_t distance = lower.size() - 1;
  const auto folded = [](char byte) {
    return repeated(static_cast<unsigned char>(byte)) | repeated(kCaseBit);
  };
  const std::uint64_t first = folded(lower.front());
  const std::uint64_t last = folded(lower.back());
  const auto may_begin_in = [=](const char* block) {
    std::uint64_t any = 0;
    for (std::size_t i = 0; i < kBlock; i += sizeof any) {
      const std::uint64_t other =
          (folded_word(block + i) ^ first) | (folded_word(block + i + distance) ^ last);
      any |= (other - repeated(1)) & ~other & repeated(0x80);  // Not 0 if one of its bytes is.
    }
    return any != 0;
  };
  const auto begins = [=](std::size_t at) {
    return ascii::equals_lowercased(list.substr(at, lower.size()), lower) &&
           is_whole_member(list, at, lower.size());
  };
  std::size_t at = 0;
  for (; at + kBlock + distance <= list.size(); at += kBlock) {
    if (!may_begin_in(list.data() + at)) continue;
    for (std::size_t i = 0; i < kBlock; ++i) {
      if (begins(at + i)) return true;
    }
  }
  for (; at + distance < list.size(); ++at) {
    if (begins(at)) return true;
  }
  return false;
}

}  // namespace

bool Request::add_header_line(std::string_view name, std::string_view value) noexcept {
  if (!kProtocolNames.has(name.size())) return false;  // Most lines: no jump by table for them.
  // Lengths are all different, so one comparison of names at most.
  switch (name.size()) {
    case kOrigin.size():
      return is<kOrigin>(name) && origin_.add(value);
    case kRequestMethod.size():
      return is<kRequestMethod>(name) && request_method_.add(value);
    case kRequestHeaders.size():
      if (is<kRequestHeaders>(name)) {
        const std::size_t place = requested_headers_lines_++;
        if (place >= kMaxRequestHeadersLines) return false;
        requested_headers_[place] = {value.data(), value.size()};
        return true;
      }
      break;
    case kRequestPrivateNetwork.size():
      return is<kRequestPrivateNetwork>(name) && private_network_.add(value);
    default:
      break;
  }
  return false;
}

bool Request::add_guard_line(std::string_view name, std::string_view value) noexcept {
  static_assert(kSecFetchMode.size() == kSecFetchSite.size());
  static_assert(kSecFetchDest.size() == kSecFetchSite.size());
  switch (name.size()) {
    case kHost.size():
      return is<kHost>(name) && host_.add(value);
    case kCookie.size():
      if (is<kCookie>(name)) has_cookie_ = true;
      break;
    case kSecFetchSite.size():
      if (is<kSecFetchSite>(name)) return sec_fetch_site_.add(value);
      if (is<kSecFetchMode>(name)) {
        if (!value.empty()) mode_ = mode_with(value);
      } else if (is<kSecFetchDest>(name)) {
        const bool is_document = destination_ == Destination::kAbsent && value == "document";
        destination_ = is_document ? Destination::kDocument : Destination::kOther;
      }
      break;
    default:
      break;
  }
  return false;
}

bool Request::has_one_origin() const noexcept {
  return origin_.lines == 1 && can_be_one_origin(origin_.value);
}

bool Request::has_one_request_method() const noexcept {
  return request_method_.lines == 1 && request_method_.value.size() <= kMaxRequestMethodLength &&
         ascii::is_token(request_method_.value);
}

Request::Mode Request::mode_with(std::string_view value) const noexcept {
  if (mode_ != Mode::kAbsent || value.size() > kMaxModeLength || !ascii::is_token(value))
    return Mode::kAmbiguous;
  if (value == "cors") return Mode::kCors;
  return value == "navigate" ? Mode::kNavigate : Mode::kOther;
}

void Request::set_server_scheme(std::string_view scheme) noexcept {
  is_by_tls_ = ascii::equals_lowercased(scheme, "https") || ascii::equals_lowercased(scheme, "wss");
}

bool Request::asks_private_network() const noexcept {
  return private_network_.lines == 1 && private_network_.value == kTrue;
}

std::string_view kind_name(RequestKind kind) noexcept {
  switch (kind) {
    case RequestKind::kActual:
      return "actual";
    case RequestKind::kPreflight:
      return "preflight";
    case RequestKind::kNotCors:
      break;
  }
  return "not-cors";
}

RequestKind classify(const Request& request) noexcept {
  if (!request.has_origin()) return RequestKind::kNotCors;
  // OPTIONS alone is no preflight: a page may send it, and the application answers it.
  const bool preflight = request.may_be_preflight() && request.method() == "OPTIONS";
  return preflight ? RequestKind::kPreflight : RequestKind::kActual;
}

std::string_view reason_code(Refusal refusal) noexcept {
  return kRefusals[static_cast<std::size_t>(refusal)].code;
}

Decision decide(const Policy& policy, const Request& request, bool known_allowed) noexcept {
  const RequestKind kind = classify(request);
  if (kind == RequestKind::kNotCors) return {kind, false, Refusal::kNone};
  // Allowed implies well-formed: a good request's bytes are looked at once.
  using Standing = Policy::Standing;
  Standing standing = Standing::kRefused;
  if (known_allowed) {
    standing = Standing::kAllowed;
  } else if (request.origin_lines() == 1) {
    standing = policy.standing_of(request.origin());
  }
  const bool allowed = standing == Standing::kAllowed;
  if (!allowed && !request.has_one_origin()) return {kind, false, Refusal::kOriginMalformed};
  if (kind == RequestKind::kPreflight && !request.has_one_request_method()) {
    return {kind, false, Refusal::kRequestMethodMalformed};
  }
  if (allowed) return {kind, true, Refusal::kNone};
  const Refusal refusal =
      policy.for_ambiguous_paths() ? Refusal::kPathAmbiguous : Refusal::kOriginNotAllowed;
  return {kind, false, refusal, standing == Standing::kAsked};
}

bool covers_origin(const Policy& policy, const Request& request) noexcept {
  return request.origin_lines() == 1 && policy.allows_origin(request.origin());
}

bool asks_about_origin(const Policy& policy, const Request& request) noexcept {
  return request.has_one_origin() && policy.asks_about(request.origin());
}

Decision settle(Decision decision, bool allowed) noexcept {
  if (!decision.asks) return decision;
  return {decision.kind, allowed, allowed ? Refusal::kNone : decision.refusal};
}

void preflight_headers(const Policy& policy, const Request& request, const Decision& decision,
                       Answer& answer) noexcept {
  if (!decision.allowed) return;
  add_allow_origin(policy, request.origin(), answer.headers);
  add_allow_methods(policy, request, answer.headers);
  add_allow_headers(policy, request, answer);
  if (!policy.max_age().empty()) answer.headers.add(kMaxAge, policy.max_age());
  if (policy.allow_private_network() && request.asks_private_network()) {
    answer.headers.add(kAllowPrivateNetwork, kTrue);
  }
}

void answer_preflight(const Policy& policy, const Request& request, const Decision& decision,
                      Answer& answer) noexcept {
  if (!decision.allowed) {
    refuse(policy, decision.refusal, answer);
    return;
  }
  answer.status = policy.preflight_status();
  preflight_headers(policy, request, decision, answer);
  if (!policy.preflight_vary().empty()) answer.headers.add(kVary, policy.preflight_vary());
  // RFC 9110 section 8.6: a 204 must not have it; any other status without it could wait for a
  // body.
  if (answer.status != 204) answer.headers.add("content-length", "0");
}

int refused_status(Refusal refusal) noexcept {
  return refusal == Refusal::kHostMalformed ? 400 : 403;
}

void refuse(const Policy& policy, Refusal refusal, Answer& answer) noexcept {
  const RefusalRow& row = kRefusals[static_cast<std::size_t>(refusal)];
  answer.status = refused_status(refusal);
  answer.body = row.code;
  answer.headers.add("content-type", "text/plain; charset=utf-8");
  answer.headers.add("content-length", row.length);
  const std::string& vary =
      refusal == Refusal::kCrossOriginRead ? policy.vary(true) : policy.preflight_vary();
  if (!vary.empty()) answer.headers.add(kVary, vary);
}

HeaderLines actual_headers(const Policy& policy, std::string_view origin, bool allowed) noexcept {
  HeaderLines headers;
  if (!policy.constant_timing().empty()) {
    headers.add(kTimingAllowOrigin, policy.constant_timing());
  } else if (allowed && policy.echoes_timing() && origin != kNullOrigin) {
    headers.add(kTimingAllowOrigin, origin);
  }
  // A constant is sent on every response, with or without Origin, so that a cached one serves all.
  // Not being allowed then means that the browser finds another origin in it than its own.
  if (!allowed && !policy.has_constant_origin()) return headers;
  add_allow_origin(policy, allowed ? std::optional(origin) : std::nullopt, headers);
  if (!policy.expose_headers().empty()) headers.add(kExposeHeaders, policy.expose_headers());
  return headers;
}

ResponseHeaderRole response_header_role(std::string_view name) noexcept {
  static_assert(kAllowMethods.size() == kAllowHeaders.size());
  switch (name.size()) {
    case kVary.size():
      return is<kVary>(name) ? ResponseHeaderRole::kVary : ResponseHeaderRole::kOther;
    case kAllowOrigin.size():
      if (is<kAllowOrigin>(name)) return ResponseHeaderRole::kOwned;
      break;
    case kAllowCredentials.size():
      if (is<kAllowCredentials>(name)) return ResponseHeaderRole::kOwned;
      break;
    case kExposeHeaders.size():
      if (is<kExposeHeaders>(name)) return ResponseHeaderRole::kOwned;
      break;
    case kAllowMethods.size():
      if (is<kAllowMethods>(name) || is<kAllowHeaders>(name)) {
        return ResponseHeaderRole::kPreflightOwned;
      }
      break;
    case kMaxAge.size():
      if (is<kMaxAge>(name)) return ResponseHeaderRole::kPreflightOwned;
      break;
    case kAllowPrivateNetwork.size():
      if (is<kAllowPrivateNetwork>(name)) return ResponseHeaderRole::kPreflightOwned;
      break;
    case kTimingAllowOrigin.size():
      if (is<kTimingAllowOrigin>(name)) return ResponseHeaderRole::kTiming;
      break;
    default:
      break;
  }
  return ResponseHeaderRole::kOther;
}

bool vary_covers(std::string_view value, std::string_view lower_member) noexcept {
  // Nearly every value is short, and then it is quicker to look at its members one by one.
  constexpr std::size_t kShort = 128;
  if (value.size() > kShort) return has_asterisk_member(value) || has_member(value, lower_member);
  while (!value.empty()) {
    const std::string_view member = ascii::take_list_member(value);
    if (member == "*" || ascii::equals_lowercased(member, lower_member)) return true;
  }
  return false;
}

}  // namespace corsac
