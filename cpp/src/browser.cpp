#include "corsac/browser.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "corsac/ascii.hpp"
#include "corsac/fetch_names.hpp"
#include "corsac/header_names.hpp"

namespace corsac::browser {
namespace {

using namespace header_names;

constexpr std::string_view kWildcard = "*";

/// Fetch, "CORS-unsafe request-header byte".
constexpr ascii::ByteTable kUnsafeBytes = ascii::make_table([](unsigned char byte) {
  constexpr std::string_view marks = "\"():<>?@[\\]{}\x7F";
  return (byte < 0x20 && byte != '\t') || marks.find(static_cast<char>(byte)) != marks.npos;
});

/// Fetch, "CORS-safelisted request-header": what Accept-Language and Content-Language may hold.
constexpr ascii::ByteTable kLanguageBytes = ascii::make_table([](unsigned char byte) {
  constexpr std::string_view marks = " *,-.;=";
  return ascii::is_digit(byte) || ascii::is_alpha(byte) ||
         marks.find(static_cast<char>(byte)) != marks.npos;
});

struct BlockRow {
  Block block;
  std::string_view code;
};

constexpr std::array kBlocks = {
    BlockRow{Block::kNone, ""},
    BlockRow{Block::kMissingAllowOrigin, "missing-allow-origin"},
    BlockRow{Block::kAllowOriginMismatch, "allow-origin-mismatch"},
    BlockRow{Block::kWildcardWithCredentials, "wildcard-with-credentials"},
    BlockRow{Block::kAllowCredentialsNotTrue, "allow-credentials-not-true"},
    BlockRow{Block::kStatusNotOk, "status-not-ok"},
    BlockRow{Block::kBadAllowMethods, "bad-allow-methods"},
    BlockRow{Block::kBadAllowHeaders, "bad-allow-headers"},
    BlockRow{Block::kMethodNotAllowed, "method-not-allowed"},
    BlockRow{Block::kAuthorizationNotListed, "authorization-not-listed"},
    BlockRow{Block::kHeaderNotAllowed, "header-not-allowed"},
};

consteval bool blocks_are_in_order() {
  for (std::size_t i = 0; i < kBlocks.size(); ++i) {
    if (static_cast<std::size_t>(kBlocks[i].block) != i) return false;
  }
  return true;
}
static_assert(blocks_are_in_order(), "rows are in the order of the enum");

std::string lowercased(std::string_view bytes) {
  std::string lower(bytes);
  std::ranges::transform(lower, lower.begin(), ascii::to_lower);
  return lower;
}

/// Fetch, "convert header names to a sorted-lowercase set".
void sort_and_unique(std::vector<std::string>& names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

bool has_unsafe_byte(std::string_view value) noexcept {
  return std::ranges::any_of(
      value, [](char byte) { return kUnsafeBytes[static_cast<unsigned char>(byte)]; });
}

/// Fetch, "HTTP whitespace": wider than what surrounds header values, as MIME Sniffing asks for.
std::string_view trim_http_whitespace(std::string_view bytes) noexcept {
  constexpr std::string_view whitespace = "\t\n\r ";
  const std::size_t first = bytes.find_first_not_of(whitespace);
  if (first == bytes.npos) return {};
  return bytes.substr(first, bytes.find_last_not_of(whitespace) - first + 1);
}

/// MIME Sniffing, "parse a MIME type", as far as the essence: parameters are not looked at.
bool is_safelisted_content_type(std::string_view value) noexcept {
  value = trim_http_whitespace(value);
  const std::size_t slash = value.find('/');
  if (slash == value.npos) return false;
  const std::string_view type = value.substr(0, slash);
  const std::string_view rest = value.substr(slash + 1);
  // Whitespace before the `;` belongs to neither; anywhere else it makes the whole value invalid.
  const std::string_view untrimmed = rest.substr(0, rest.find(';'));
  const std::string_view subtype = untrimmed.substr(0, untrimmed.find_last_not_of("\t\n\r ") + 1);
  const auto essence_is = [type, subtype](std::string_view lower_type,
                                          std::string_view lower_subtype) {
    return ascii::equals_lowercased(type, lower_type) &&
           ascii::equals_lowercased(subtype, lower_subtype);
  };
  return essence_is("application", "x-www-form-urlencoded") ||
         essence_is("multipart", "form-data") || essence_is("text", "plain");
}

std::string_view take_digits(std::string_view& rest) noexcept {
  std::size_t length = 0;
  while (length < rest.size() && ascii::is_digit(static_cast<unsigned char>(rest[length])))
    ++length;
  const std::string_view digits = rest.substr(0, length);
  rest.remove_prefix(length);
  return digits;
}

/// Compares decimal numbers of any length; the standard's integers have no upper bound.
bool is_greater(std::string_view left, std::string_view right) noexcept {
  const auto without_leading_zeros = [](std::string_view digits) {
    return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
  };
  left = without_leading_zeros(left);
  right = without_leading_zeros(right);
  return left.size() != right.size() ? left.size() > right.size() : left > right;
}

/// Fetch, "parse a single range header value" without whitespace, and with a start: a suffix range
/// such as `bytes=-5` is valid but not safelisted.
bool is_safelisted_range(std::string_view value) noexcept {
  constexpr std::string_view unit = "bytes=";
  if (!value.starts_with(unit)) return false;
  value.remove_prefix(unit.size());
  const std::string_view start = take_digits(value);
  if (start.empty() || !value.starts_with('-')) return false;
  value.remove_prefix(1);
  const std::string_view end = take_digits(value);
  return value.empty() && (end.empty() || !is_greater(start, end));
}

bool is_redirect_status(int status) noexcept {
  constexpr std::array redirects = {301, 302, 303, 307, 308};
  return std::ranges::find(redirects, status) != redirects.end();
}

bool method_is_allowed(const CorsRequest& request, const TokenList& methods) noexcept {
  // The flag stands for the method only if the server said nothing at all about methods.
  if (methods.state == TokenList::State::kAbsent && request.use_cors_preflight) return true;
  return methods.contains(request.method) || fetch::is_cors_safelisted_method(request.method) ||
         (!request.credentials_include && methods.contains(kWildcard));
}

bool sends_unlisted_authorization(const CorsRequest& request, const TokenList& names) noexcept {
  return std::ranges::any_of(request.headers, [&names](const Header& header) {
    return fetch::is_cors_non_wildcard_request_header_name(header.name) &&
           !names.contains_name("authorization");
  });
}

}  // namespace

std::optional<std::string> get(HeaderList headers, std::string_view name) {
  std::optional<std::string> joined;
  for (const Header& header : headers) {
    if (!ascii::equals_lowercased(header.name, name)) continue;
    if (joined) {
      joined->append(", ");
    } else {
      joined.emplace();
    }
    joined->append(ascii::trim_tab_or_space(header.value));
  }
  return joined;
}

bool TokenList::contains(std::string_view member) const noexcept {
  return std::ranges::find(members, member) != members.end();
}

bool TokenList::contains_name(std::string_view lower_case_name) const noexcept {
  return std::ranges::any_of(members, [lower_case_name](std::string_view member) {
    return ascii::equals_lowercased(member, lower_case_name);
  });
}

TokenList extract_token_list(HeaderList headers, std::string_view name) {
  TokenList list;
  for (const Header& header : headers) {
    if (!ascii::equals_lowercased(header.name, name)) continue;
    list.state = TokenList::State::kPresent;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::string_view member = ascii::take_list_member(rest);
      if (member.empty()) continue;
      if (!ascii::is_token(member)) return {TokenList::State::kFailure, {}};
      list.members.push_back(member);
    }
  }
  return list;
}

bool is_cors_safelisted_request_header(const Header& header) noexcept {
  const std::string_view value = header.value;
  if (value.size() > kMaxSafelistedValueBytes) return false;
  const auto name_is = [&header](std::string_view lower) {
    return ascii::equals_lowercased(header.name, lower);
  };
  if (name_is("accept")) return !has_unsafe_byte(value);
  if (name_is("accept-language") || name_is("content-language")) {
    return ascii::all_in(kLanguageBytes, value);
  }
  if (name_is("content-type")) return !has_unsafe_byte(value) && is_safelisted_content_type(value);
  if (name_is("range")) return is_safelisted_range(value);
  return false;
}

std::vector<std::string> cors_unsafe_request_header_names(HeaderList headers) {
  std::vector<std::string> unsafe;
  std::vector<std::string> safelisted;
  std::size_t safelisted_bytes = 0;
  for (const Header& header : headers) {
    // Each line is measured on its own, also when two have the same name.
    if (is_cors_safelisted_request_header(header)) {
      safelisted.push_back(lowercased(header.name));
      safelisted_bytes += header.value.size();
    } else {
      unsafe.push_back(lowercased(header.name));
    }
  }
  if (safelisted_bytes > kMaxSafelistedValuesBytes) {
    unsafe.insert(unsafe.end(), safelisted.begin(), safelisted.end());
  }
  sort_and_unique(unsafe);
  return unsafe;
}

bool needs_preflight(const CorsRequest& request) {
  return request.use_cors_preflight || !fetch::is_cors_safelisted_method(request.method) ||
         !cors_unsafe_request_header_names(request.headers).empty();
}

std::string_view block_code(Block block) noexcept {
  return kBlocks[static_cast<std::size_t>(block)].code;
}

Block cors_check(std::string_view origin, bool credentials_include, HeaderList response_headers) {
  const std::optional<std::string> allowed = get(response_headers, kAllowOrigin);
  if (!allowed) return Block::kMissingAllowOrigin;
  if (!credentials_include && *allowed == kWildcard) return Block::kNone;
  if (*allowed != origin) {
    return *allowed == kWildcard ? Block::kWildcardWithCredentials : Block::kAllowOriginMismatch;
  }
  if (!credentials_include || get(response_headers, kAllowCredentials) == "true") {
    return Block::kNone;
  }
  return Block::kAllowCredentialsNotTrue;
}

std::string PreflightVerdict::code() const {
  return block == Block::kNone ? std::string() : "preflight:" + std::string(block_code(block));
}

PreflightVerdict preflight_check(const CorsRequest& request, int status,
                                 HeaderList response_headers) {
  // Preflights never follow a redirect, so what its headers say is not looked at.
  if (is_redirect_status(status)) return {Block::kStatusNotOk, {}};
  const Block failed_cors_check =
      cors_check(request.origin, request.credentials_include, response_headers);
  if (failed_cors_check != Block::kNone) return {failed_cors_check, {}};
  if (status < 200 || status > 299) return {Block::kStatusNotOk, {}};

  // A list that cannot be read blocks even a request that does not need it.
  const TokenList methods = extract_token_list(response_headers, kAllowMethods);
  if (methods.state == TokenList::State::kFailure) return {Block::kBadAllowMethods, {}};
  const TokenList names = extract_token_list(response_headers, kAllowHeaders);
  if (names.state == TokenList::State::kFailure) return {Block::kBadAllowHeaders, {}};

  if (!method_is_allowed(request, methods)) return {Block::kMethodNotAllowed, {}};
  if (sends_unlisted_authorization(request, names)) return {Block::kAuthorizationNotListed, {}};
  const bool wildcard = !request.credentials_include && names.contains(kWildcard);
  for (std::string& name : cors_unsafe_request_header_names(request.headers)) {
    if (!wildcard && !names.contains_name(name)) return {Block::kHeaderNotAllowed, std::move(name)};
  }
  return {};
}

std::vector<std::string> readable_header_names(bool credentials_include,
                                               HeaderList response_headers) {
  const TokenList exposed = extract_token_list(response_headers, kExposeHeaders);
  const bool all = !credentials_include && exposed.contains(kWildcard);
  std::vector<std::string> readable;
  for (const Header& header : response_headers) {
    if (fetch::is_forbidden_response_header_name(header.name)) continue;
    std::string name = lowercased(header.name);
    if (all || fetch::is_cors_safelisted_response_header_name(name) ||
        exposed.contains_name(name)) {
      readable.push_back(std::move(name));
    }
  }
  sort_and_unique(readable);
  return readable;
}

}  // namespace corsac::browser
