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
  return is_own_origin(request);
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

bool is_beyond_cors(const Request& request) noexcept {
  if (request.sec_fetch_site_lines() > 1) return false;
  if (request.has_mode_without_cors()) return true;
  if (!request.sec_fetch_site().empty()) return request.sec_fetch_site() == "same-origin";
  return request.has_one_origin() && is_own_origin(request);
}

}  // namespace corsac
