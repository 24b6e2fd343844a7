#include "corsac/browser_request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "corsac/ascii.hpp"
#include "corsac/fetch_names.hpp"
#include "corsac/host.hpp"

namespace corsac::browser {
namespace {

constexpr std::string_view kNull = "null";

/// Fetch, "port blocking": the table of bad ports, sorted.
constexpr std::array<std::uint16_t, 83> kBadPorts = {
    0,    1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,   23,   25,
    37,   42,   43,   53,   69,   77,   79,   87,   95,   101,  102,  103,  104,  109,
    110,  111,  113,  115,  117,  119,  123,  135,  137,  139,  143,  161,  179,  389,
    427,  465,  512,  513,  514,  515,  526,  530,  531,  532,  540,  548,  554,  556,
    563,  587,  601,  636,  989,  990,  993,  995,  1719, 1720, 1723, 2049, 3659, 4045,
    4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080};
static_assert(std::ranges::is_sorted(kBadPorts));

bool names_a_forbidden_method(std::string_view value) {
  // "get, decode, and split" is quote-aware: a quoted comma separates nothing.
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t at = 0; at <= value.size(); ++at) {
    if (at < value.size()) {
      if (quoted && value[at] == '\\') {
        ++at;
        continue;
      }
      if (value[at] == '"') quoted = !quoted;
      if (quoted || value[at] != ',') continue;
    }
    const std::string_view member = value.substr(start, at - start);
    if (fetch::is_forbidden_method(ascii::trim_tab_or_space(member))) return true;
    start = at + 1;
  }
  return false;
}

bool is_secure(std::string_view origin) noexcept {
  return origin.starts_with("https://") || origin.starts_with("wss://");
}

bool hides_origin(const OriginHeaderContext& context) noexcept {
  switch (context.policy) {
    case OriginPolicy::kAlways:
      return false;
    case OriginPolicy::kNever:
      return true;
    case OriginPolicy::kSameOriginOnly:
      return context.origin != context.url_origin;
    case OriginPolicy::kNoDowngrade:
      return is_secure(context.origin) && !is_secure(context.url_origin);
  }
  return true;
}

}  // namespace

std::optional<std::string> request_method(std::string_view method) {
  if (!ascii::is_token(method) || fetch::is_forbidden_method(method)) return std::nullopt;
  return fetch::normalize_method(method);
}

bool is_forbidden_request_header(const Header& header) {
  if (fetch::is_forbidden_request_header_name(header.name)) return true;
  constexpr std::array overrides = {std::string_view("x-http-method"),
                                    std::string_view("x-http-method-override"),
                                    std::string_view("x-method-override")};
  return std::ranges::any_of(overrides,
                             [&header](std::string_view lower) {
                               return ascii::equals_lowercased(header.name, lower);
                             }) &&
         names_a_forbidden_method(header.value);
}

std::optional<std::vector<OwnedHeader>> request_headers(HeaderList author,
                                                        std::string_view content_type, bool no_cors,
                                                        const Engine& engine) {
  std::vector<OwnedHeader> kept;
  const auto append = [&](const Header& header) {
    if (is_forbidden_request_header(header)) return;
    if (engine.drops_user_agent && ascii::equals_lowercased(header.name, "user-agent")) return;
    if (no_cors) {
      const std::string name = byte_lowercase(header.name);
      std::optional<std::string> value;
      for (const OwnedHeader& line : kept) {
        if (!ascii::equals_lowercased(line.name, name)) continue;
        value = value ? *value + ", " + line.value : line.value;
      }
      const std::string combined =
          value ? *value + ", " + std::string(header.value) : std::string(header.value);
      if (!is_no_cors_safelisted_request_header({name, combined}, engine)) return;
    }
    kept.push_back({std::string(header.name), std::string(header.value)});
  };
  for (const Header& header : author) {
    const std::string_view value = normalize_header_value(header.value);
    if (!ascii::is_token(header.name) || !is_header_value(value)) return std::nullopt;
    append({header.name, value});
  }
  const bool has_content_type = std::ranges::any_of(kept, [](const OwnedHeader& header) {
    return ascii::equals_lowercased(header.name, "content-type");
  });
  if (!content_type.empty() && !has_content_type) append({"Content-Type", content_type});
  return kept;
}

bool needs_preflight(const CorsRequest& request) {
  return request.use_cors_preflight || !fetch::is_cors_safelisted_method(request.method) ||
         !cors_unsafe_request_header_names(request.headers, *request.engine).empty();
}

std::vector<OwnedHeader> preflight_request_headers(const CorsRequest& request) {
  std::vector<OwnedHeader> headers = {
      {"Accept", "*/*"}, {"Access-Control-Request-Method", std::string(request.method)}};
  std::string names;
  for (const std::string& name :
       cors_unsafe_request_header_names(request.headers, *request.engine)) {
    if (!names.empty()) names.push_back(',');
    names.append(name);
  }
  if (!names.empty()) headers.push_back({"Access-Control-Request-Headers", std::move(names)});
  headers.push_back({"Origin", std::string(request.origin)});
  return headers;
}

std::string_view serialize_request_origin(std::string_view origin,
                                          std::span<const std::string_view> url_origins) noexcept {
  for (std::size_t next = 1; next < url_origins.size(); ++next) {
    const std::string_view last = url_origins[next - 1];
    if (url_origins[next] != last && origin != last) return kNull;
  }
  return origin;
}

std::optional<std::string_view> origin_header(const OriginHeaderContext& context,
                                              const Engine& engine) noexcept {
  if (context.cors_tainting) return context.origin;
  if (context.method == "GET" || context.method == "HEAD") return std::nullopt;
  if (!context.cors_mode && !engine.origin_ignores_referrer_policy && hides_origin(context)) {
    return kNull;
  }
  return context.origin;
}

bool is_redirect_status(int status) noexcept {
  constexpr std::array redirects = {301, 302, 303, 307, 308};
  return std::ranges::find(redirects, status) != redirects.end();
}

bool redirect_makes_get(int status, std::string_view method) noexcept {
  if (status == 301 || status == 302) return method == "POST";
  return status == 303 && method != "GET" && method != "HEAD";
}

bool is_request_body_header_name(std::string_view name) noexcept {
  constexpr std::array names = {
      std::string_view("content-encoding"), std::string_view("content-language"),
      std::string_view("content-location"), std::string_view("content-type")};
  return std::ranges::any_of(
      names, [name](std::string_view lower) { return ascii::equals_lowercased(name, lower); });
}

bool is_bad_port(std::uint32_t port) noexcept {
  return std::ranges::binary_search(kBadPorts, port);
}

std::string serialize_origin(std::string_view scheme, std::string_view host,
                             std::optional<std::uint32_t> port) {
  std::string origin;
  origin.append(scheme).append("://").append(host);
  if (port && default_port(scheme) != port) origin.append(":").append(std::to_string(*port));
  return origin;
}

}  // namespace corsac::browser
