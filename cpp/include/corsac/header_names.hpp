#pragma once

#include <string_view>

/// The header names of the CORS protocol (Fetch, "HTTP extensions") and those it is judged with, in
/// lower case, as they are compared and sent.
/// https://fetch.spec.whatwg.org/#http-extensions
namespace corsac::header_names {

inline constexpr std::string_view kOrigin = "origin";
inline constexpr std::string_view kRequestMethod = "access-control-request-method";
inline constexpr std::string_view kRequestHeaders = "access-control-request-headers";
inline constexpr std::string_view kRequestPrivateNetwork = "access-control-request-private-network";
inline constexpr std::string_view kSecFetchSite = "sec-fetch-site";
inline constexpr std::string_view kSecFetchMode = "sec-fetch-mode";
inline constexpr std::string_view kSecFetchDest = "sec-fetch-dest";
inline constexpr std::string_view kHost = "host";
inline constexpr std::string_view kCookie = "cookie";

inline constexpr std::string_view kAllowOrigin = "access-control-allow-origin";
inline constexpr std::string_view kAllowCredentials = "access-control-allow-credentials";
inline constexpr std::string_view kAllowMethods = "access-control-allow-methods";
inline constexpr std::string_view kAllowHeaders = "access-control-allow-headers";
inline constexpr std::string_view kAllowPrivateNetwork = "access-control-allow-private-network";
inline constexpr std::string_view kExposeHeaders = "access-control-expose-headers";
inline constexpr std::string_view kMaxAge = "access-control-max-age";
inline constexpr std::string_view kResourcePolicy = "cross-origin-resource-policy";
inline constexpr std::string_view kLocation = "location";
inline constexpr std::string_view kAuthenticate = "www-authenticate";
inline constexpr std::string_view kTimingAllowOrigin = "timing-allow-origin";
inline constexpr std::string_view kVary = "vary";

}  // namespace corsac::header_names
