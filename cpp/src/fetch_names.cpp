#include "corsac/fetch_names.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "corsac/ascii.hpp"

namespace corsac::fetch {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kSafelistedMethods = {"GET"sv, "HEAD"sv, "POST"sv};
constexpr std::array kForbiddenMethods = {"connect"sv, "trace"sv, "track"sv};
constexpr std::array kNormalizedMethods = {"DELETE"sv,  "GET"sv,  "HEAD"sv,
                                           "OPTIONS"sv, "POST"sv, "PUT"sv};

constexpr std::array kForbiddenRequestHeaders = {"accept-charset"sv,
                                                 "accept-encoding"sv,
                                                 "access-control-request-headers"sv,
                                                 "access-control-request-method"sv,
                                                 "connection"sv,
                                                 "content-length"sv,
                                                 "cookie"sv,
                                                 "cookie2"sv,
                                                 "date"sv,
                                                 "dnt"sv,
                                                 "expect"sv,
                                                 "host"sv,
                                                 "keep-alive"sv,
                                                 "origin"sv,
                                                 "referer"sv,
                                                 "set-cookie"sv,
                                                 "te"sv,
                                                 "trailer"sv,
                                                 "transfer-encoding"sv,
                                                 "upgrade"sv,
                                                 "via"sv};
constexpr std::array kForbiddenRequestHeaderPrefixes = {"proxy-"sv, "sec-"sv};

constexpr std::array kForbiddenResponseHeaders = {"set-cookie"sv, "set-cookie2"sv};

constexpr std::array kSafelistedResponseHeaders = {
    "cache-control"sv, "content-language"sv, "content-length"sv, "content-type"sv,
    "expires"sv,       "last-modified"sv,    "pragma"sv};

constexpr std::array kProtocolOnlyHeaders = {
    "access-control-allow-headers"sv,  "access-control-allow-methods"sv,
    "access-control-max-age"sv,        "access-control-request-headers"sv,
    "access-control-request-method"sv, "origin"sv};

constexpr std::array kCorsResponseHeaders = {
    "access-control-allow-credentials"sv, "access-control-allow-headers"sv,
    "access-control-allow-methods"sv,     "access-control-allow-origin"sv,
    "access-control-expose-headers"sv,    "access-control-max-age"sv};

bool is_one_of(std::string_view name, std::span<const std::string_view> lower_case_names) noexcept {
  return std::ranges::any_of(lower_case_names, [name](std::string_view lower) {
    return ascii::equals_lowercased(name, lower);
  });
}

}  // namespace

bool is_cors_safelisted_method(std::string_view method) noexcept {
  return std::ranges::find(kSafelistedMethods, method) != kSafelistedMethods.end();
}

bool is_forbidden_method(std::string_view method) noexcept {
  return is_one_of(method, kForbiddenMethods);
}

std::string normalize_method(std::string_view method) {
  for (const std::string_view known : kNormalizedMethods) {
    const bool same = std::ranges::equal(method, known, [](char byte, char upper) {
      return ascii::to_lower(byte) == ascii::to_lower(upper);
    });
    if (same) return std::string(known);
  }
  return std::string(method);
}

bool is_forbidden_request_header_name(std::string_view name) noexcept {
  if (is_one_of(name, kForbiddenRequestHeaders)) return true;
  return std::ranges::any_of(kForbiddenRequestHeaderPrefixes, [name](std::string_view prefix) {
    return ascii::equals_lowercased(name.substr(0, prefix.size()), prefix);
  });
}

bool is_forbidden_response_header_name(std::string_view name) noexcept {
  return is_one_of(name, kForbiddenResponseHeaders);
}

bool is_cors_safelisted_response_header_name(std::string_view name) noexcept {
  return is_one_of(name, kSafelistedResponseHeaders);
}

bool is_cors_non_wildcard_request_header_name(std::string_view name) noexcept {
  return ascii::equals_lowercased(name, "authorization");
}

bool is_cors_protocol_only_header_name(std::string_view name) noexcept {
  return is_one_of(name, kProtocolOnlyHeaders);
}

bool is_cors_response_header_name(std::string_view name) noexcept {
  return is_one_of(name, kCorsResponseHeaders);
}

}  // namespace corsac::fetch
