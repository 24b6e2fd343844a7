#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Header lists as a browser reads them (Fetch, "Headers").
namespace corsac::browser {

/// One header line. Tabs and spaces around a response's value are not part of it and are ignored; a
/// request's value is taken as it is, since "normalize" has been applied when the script set it.
struct Header {
  std::string_view name;  ///< In any case.
  std::string_view value;
};

/// A header list (Fetch, "header list"): order and duplicates count.
/// https://fetch.spec.whatwg.org/#concept-header-list
using HeaderList = std::span<const Header>;

/// A header line that owns its text.
struct OwnedHeader {
  std::string name;
  std::string value;
};

/// Fetch, "get" a header: the values of all lines called `name`, joined with ", ". Two equal lines
/// are therefore no longer equal to one.
/// @param name in lower case.
/// @return nothing if there is no such line.
/// https://fetch.spec.whatwg.org/#concept-header-list-get
[[nodiscard]] std::optional<std::string> get(HeaderList headers, std::string_view name);

/// What "extract header list values" gives for a header whose grammar is `#token`.
struct TokenList {
  enum class State : std::uint8_t {
    kAbsent,   ///< Null: there is no such line. An empty line is an empty list instead.
    kFailure,  ///< Some member is no token; then no member of any line counts.
    kPresent,
  };
  State state = State::kAbsent;
  std::vector<std::string_view> members;  ///< Views into the headers; empty unless kPresent.

  /// Byte equality, as for methods and for `*`.
  [[nodiscard]] bool contains(std::string_view member) const noexcept;
  /// Byte-case-insensitive, as for header names.
  [[nodiscard]] bool contains_name(std::string_view lower_case_name) const noexcept;
};

/// Fetch, "extract header list values" for `#token`: all lines together, empty members skipped.
/// @param name in lower case.
/// https://fetch.spec.whatwg.org/#extract-header-list-values
[[nodiscard]] TokenList extract_token_list(HeaderList headers, std::string_view name);

/// Fetch, "normalize" a header value: without tabs, spaces and line ends around it.
/// https://fetch.spec.whatwg.org/#concept-header-value-normalize
[[nodiscard]] std::string_view normalize_header_value(std::string_view value) noexcept;

/// Fetch, "header value": no tabs or spaces around it, and no NUL, CR or LF anywhere.
/// https://fetch.spec.whatwg.org/#header-value
[[nodiscard]] bool is_header_value(std::string_view value) noexcept;

/// Infra, "byte-lowercase".
[[nodiscard]] std::string byte_lowercase(std::string_view bytes);

/// Fetch, "convert header names to a sorted-lowercase set", of names that are in lower case.
/// https://fetch.spec.whatwg.org/#convert-header-names-to-a-sorted-lowercase-set
void sort_and_unique(std::vector<std::string>& names);

}  // namespace corsac::browser
