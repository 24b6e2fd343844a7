#include "corsac/guard.hpp"

#include <algorithm>

#include "corsac/ascii.hpp"

namespace corsac {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(
      a, b, [](char x, char y) { return ascii::to_lower(x) == ascii::to_lower(y); });
}

/// True if the origin's host and port are the Host header's. The scheme is not compared: behind a
/// proxy that ends TLS the application does not know its own.
bool origin_is_host(std::string_view origin, std::string_view host) noexcept {
  const std::size_t separator = origin.find("://");
  if (separator == origin.npos) return false;
  const std::string_view scheme = origin.substr(0, separator);
  const std::string_view authority = origin.substr(separator + 3);
  // Clients may write the default port in Host; browsers never write it in Origin.
  if (scheme == "http" && host.ends_with(":80")) host.remove_suffix(3);
  if (scheme == "https" && host.ends_with(":443")) host.remove_suffix(4);
  return !authority.empty() && equal_ignoring_case(authority, host);
}

bool is_trusted(const Policy& policy, const Request& request, bool settled) noexcept {
  if (request.has_origin()) {
    if (!request.has_one_origin()) return false;
    if (settled || policy.allows_origin(request.origin())) return true;
  }
  if (request.sec_fetch_site_lines() > 1) return false;
  if (request.sec_fetch_site_lines() == 1 && !request.sec_fetch_site().empty()) {
    return request.sec_fetch_site() == "same-origin" || request.sec_fetch_site() == "none";
  }
  // Neither header: not sent by a browser, so no browser's credentials are being misused.
  if (!request.has_origin()) return true;
  return request.host_lines() == 1 && origin_is_host(request.origin(), request.host());
}

bool is_safe_method(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

}  // namespace

Refusal guard_request(const Policy& policy, const Request& request, bool settled) noexcept {
  if (is_safe_method(request.method()) || is_trusted(policy, request, settled))
    return Refusal::kNone;
  return Refusal::kCrossOriginRequest;
}

Refusal guard_websocket(const Policy& policy, const Request& request, bool settled) noexcept {
  return is_trusted(policy, request, settled) ? Refusal::kNone : Refusal::kCrossOriginWebSocket;
}

bool is_same_origin(const Request& request, std::string_view scheme) noexcept {
  if (request.sec_fetch_site_lines() > 1) return false;
  if (!request.sec_fetch_site().empty()) return request.sec_fetch_site() == "same-origin";
  if (!request.has_one_origin() || request.host_lines() != 1) return false;
  const std::string_view own = request.origin().substr(0, request.origin().find("://"));
  return (scheme.empty() || equal_ignoring_case(own, scheme)) &&
         origin_is_host(request.origin(), request.host());
}

}  // namespace corsac
