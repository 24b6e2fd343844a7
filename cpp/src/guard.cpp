#include "corsac/guard.hpp"

#include <algorithm>

#include "corsac/ascii.hpp"

namespace corsac {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(
      a, b, [](char x, char y) { return ascii::to_lower(x) == ascii::to_lower(y); });
}

/// True if the request's Origin is the origin that it asks: the host and port of the Host header,
/// and the scheme as far as the server knows it. Behind a proxy that ends TLS the server takes
/// `https` for `http`, so there `https` is its own too; where it knows of TLS itself, `http` is
/// not. A page of another scheme, such as `tauri://localhost`, never asks its own origin by HTTP.
bool is_own_origin(const Request& request) noexcept {
  if (request.host_lines() != 1) return false;
  const std::string_view origin = request.origin();
  std::string_view host = request.host();
  const std::size_t separator = origin.find("://");
  if (separator == origin.npos) return false;
  const std::string_view scheme = origin.substr(0, separator);
  const std::string_view authority = origin.substr(separator + 3);
  if (scheme != "https" && (scheme != "http" || request.is_by_tls())) return false;
  // Clients may write the default port in Host; browsers never write it in Origin.
  if (scheme == "http" && host.ends_with(":80")) host.remove_suffix(3);
  if (scheme == "https" && host.ends_with(":443")) host.remove_suffix(4);
  return !authority.empty() && equal_ignoring_case(authority, host);
}

/// The policy or the guard lets the request's origin write and open sockets. @pre it has one.
bool may_write(const Policy& policy, const Request& request, bool allowed) noexcept {
  if ((policy.allow_credentials() || !request.has_cookie()) &&
      (allowed || policy.allows_origin(request.origin()))) {
    return true;
  }
  return policy.guard_rules().trusts(request.origin());
}

/// Sec-Fetch-Site says that no other site is behind the request, or says nothing.
bool is_own_by_metadata(const Request& request, bool when_absent) noexcept {
  if (request.sec_fetch_site_lines() > 1) return false;
  const std::string_view site = request.sec_fetch_site();
  return site.empty() ? when_absent : site == "same-origin" || site == "none";
}

bool is_trusted(const Policy& policy, const Request& request, bool allowed) noexcept {
  if (request.has_origin()) {
    if (!request.has_one_origin()) return false;
    if (may_write(policy, request, allowed)) return true;
  }
  // Without either header it was not sent by a browser, so no browser's credentials are misused.
  return is_own_by_metadata(request, !request.has_origin() || is_own_origin(request));
}

bool is_read(std::string_view method) noexcept { return method == "GET" || method == "HEAD"; }

/// A page of another site asks, and neither will CORS judge that nor does the user see the answer.
bool is_foreign_read(const Request& request) noexcept {
  const std::string_view site = request.sec_fetch_site();
  if (request.sec_fetch_site_lines() <= 1 &&
      (site.empty() || site == "same-origin" || site == "none" || site == "same-site")) {
    return false;
  }
  return !request.has_cors_mode() && !request.is_top_level_navigation();
}

}  // namespace

bool is_safe_method(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

Refusal guard_request(const Policy& policy, const Request& request, bool allowed) noexcept {
  if (!policy.guard()) return Refusal::kNone;
  if (is_safe_method(request.method())) {
    return is_isolated(policy, request) && is_foreign_read(request) ? Refusal::kCrossOriginRead
                                                                    : Refusal::kNone;
  }
  if (!policy.guard_rules().writes() || is_trusted(policy, request, allowed)) return Refusal::kNone;
  return Refusal::kCrossOriginRequest;
}

Refusal guard_websocket(const Policy& policy, const Request& request, bool allowed) noexcept {
  constexpr Refusal kRefused = Refusal::kCrossOriginWebSocket;
  if (!policy.guard()) return Refusal::kNone;
  if (request.has_origin()) {
    if (!request.has_one_origin()) return kRefused;
    if (may_write(policy, request, allowed)) return Refusal::kNone;
    if (!is_own_origin(request)) return kRefused;
  }
  return is_own_by_metadata(request, true) ? Refusal::kNone : kRefused;
}

bool guard_needs_lines(const Policy& policy, const Request& request, bool allowed) noexcept {
  if (is_safe_method(request.method())) return is_isolated(policy, request);
  return policy.guard_rules().writes() && !(allowed && policy.allow_credentials());
}

bool guard_needs_scheme(const Policy& policy, const Request& request, bool allowed) noexcept {
  if (!request.has_origin()) return false;
  return !allowed || (request.has_cookie() && !policy.allow_credentials());
}

bool is_isolated(const Policy& policy, const Request& request) noexcept {
  return policy.guard() && policy.guard_rules().isolates_reads() && is_read(request.method());
}

bool beyond_cors_needs_scheme(const Request& request) noexcept {
  return request.sec_fetch_site_lines() <= 1 && request.sec_fetch_site().empty() &&
         !request.has_mode_without_cors();
}

bool is_beyond_cors(const Request& request) noexcept {
  if (beyond_cors_needs_scheme(request)) return request.has_one_origin() && is_own_origin(request);
  if (request.sec_fetch_site_lines() > 1) return false;
  return request.has_mode_without_cors() || request.sec_fetch_site() == "same-origin";
}

}  // namespace corsac
