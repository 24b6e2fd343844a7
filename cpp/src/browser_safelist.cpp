// Which request headers a page may send to another origin unasked (Fetch, "CORS-safelisted
// request-header").
#include <algorithm>
#include <array>
#include <cstddef>

#include "corsac/ascii.hpp"
#include "corsac/browser_request.hpp"

namespace corsac::browser {
namespace {

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

bool has_unsafe_byte(std::string_view value) noexcept {
  return std::ranges::any_of(
      value, [](char byte) { return kUnsafeBytes[static_cast<unsigned char>(byte)]; });
}

/// MIME Sniffing, "parse a MIME type", as far as the essence: parameters are not looked at.
bool is_safelisted_content_type(std::string_view value) noexcept {
  // Fetch's "HTTP whitespace" is wider than what surrounds header values.
  value = normalize_header_value(value);
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
bool is_safelisted_range(std::string_view value, const Engine& engine) noexcept {
  constexpr std::string_view unit = "bytes=";
  constexpr std::string_view max_int64 = "9223372036854775807";
  if (!value.starts_with(unit)) return false;
  value.remove_prefix(unit.size());
  const std::string_view start = take_digits(value);
  if (start.empty() || !value.starts_with('-')) return false;
  value.remove_prefix(1);
  const std::string_view end = take_digits(value);
  if (engine.range_is_int64 && (is_greater(start, max_int64) || is_greater(end, max_int64))) {
    return false;
  }
  return value.empty() && (end.empty() || !is_greater(start, end));
}

bool is_digits(std::string_view value) noexcept {
  return !value.empty() && std::ranges::all_of(value, [](char byte) {
    return ascii::is_digit(static_cast<unsigned char>(byte));
  });
}

/// 1*DIGIT [ "." 1*DIGIT ]
bool is_decimal(std::string_view value) noexcept {
  const std::size_t point = value.find('.');
  return is_digits(value.substr(0, point)) &&
         (point == value.npos || is_digits(value.substr(point + 1)));
}

/// Client Hints Infrastructure, "CORS-safelisted request-header", as Chromium has it.
bool is_safelisted_client_hint(std::string_view name, std::string_view value) noexcept {
  const auto name_is = [name](std::string_view lower) {
    return ascii::equals_lowercased(name, lower);
  };
  if (name_is("save-data")) return ascii::equals_lowercased(value, "on");
  if (name_is("dpr") || name_is("device-memory") || name_is("downlink")) return is_decimal(value);
  if (name_is("width") || name_is("viewport-width") || name_is("rtt")) return is_digits(value);
  constexpr std::array connections = {std::string_view("slow-2g"), std::string_view("2g"),
                                      std::string_view("3g"), std::string_view("4g")};
  return name_is("ect") && std::ranges::find(connections, value) != connections.end();
}

/// All lines of a name in one, where the first of them was.
std::vector<OwnedHeader> join_same_named(HeaderList headers) {
  std::vector<OwnedHeader> joined;
  for (const Header& header : headers) {
    std::string name = byte_lowercase(header.name);
    const auto same = std::ranges::find(joined, name, &OwnedHeader::name);
    if (same == joined.end()) {
      joined.push_back({std::move(name), std::string(header.value)});
    } else {
      same->value.append(", ").append(header.value);
    }
  }
  return joined;
}

std::vector<std::string> unsafe_names(HeaderList headers, const Engine& engine) {
  std::vector<std::string> unsafe;
  std::vector<std::string> safelisted;
  std::size_t safelisted_bytes = 0;
  for (const Header& header : headers) {
    // Each line is measured on its own, also when two have the same name.
    if (is_cors_safelisted_request_header(header, engine)) {
      safelisted.push_back(byte_lowercase(header.name));
      safelisted_bytes += header.value.size();
    } else {
      unsafe.push_back(byte_lowercase(header.name));
    }
  }
  if (safelisted_bytes > kMaxSafelistedValuesBytes) {
    unsafe.insert(unsafe.end(), safelisted.begin(), safelisted.end());
  }
  sort_and_unique(unsafe);
  return unsafe;
}

}  // namespace

bool is_cors_safelisted_request_header(const Header& header, const Engine& engine) noexcept {
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
  if (name_is("range")) return is_safelisted_range(value, engine);
  return engine.safelists_client_hints && is_safelisted_client_hint(header.name, value);
}

bool is_no_cors_safelisted_request_header(const Header& header, const Engine& engine) noexcept {
  constexpr std::array names = {std::string_view("accept"), std::string_view("accept-language"),
                                std::string_view("content-language"),
                                std::string_view("content-type")};
  return std::ranges::any_of(names,
                             [&header](std::string_view lower) {
                               return ascii::equals_lowercased(header.name, lower);
                             }) &&
         is_cors_safelisted_request_header(header, engine);
}

std::vector<std::string> cors_unsafe_request_header_names(HeaderList headers,
                                                          const Engine& engine) {
  if (!engine.joins_same_named_headers) return unsafe_names(headers, engine);
  const std::vector<OwnedHeader> joined = join_same_named(headers);
  std::vector<Header> views;
  views.reserve(joined.size());
  for (const OwnedHeader& header : joined) views.push_back({header.name, header.value});
  return unsafe_names(views, engine);
}

}  // namespace corsac::browser
