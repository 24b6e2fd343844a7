#include "corsac/browser_headers.hpp"

#include <algorithm>

#include "corsac/ascii.hpp"

namespace corsac::browser {

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

std::string_view normalize_header_value(std::string_view value) noexcept {
  constexpr std::string_view whitespace = "\t\n\r ";
  const std::size_t first = value.find_first_not_of(whitespace);
  if (first == value.npos) return {};
  return value.substr(first, value.find_last_not_of(whitespace) - first + 1);
}

bool is_header_value(std::string_view value) noexcept {
  constexpr std::string_view forbidden("\0\r\n", 3);
  return value.find_first_of(forbidden) == value.npos &&
         ascii::trim_tab_or_space(value).size() == value.size();
}

std::string byte_lowercase(std::string_view bytes) {
  std::string lower(bytes);
  std::ranges::transform(lower, lower.begin(), ascii::to_lower);
  return lower;
}

void sort_and_unique(std::vector<std::string>& names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace corsac::browser
