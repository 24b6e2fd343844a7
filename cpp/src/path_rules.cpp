#include "corsac/path_rules.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "corsac/ascii.hpp"
#include "corsac/seeded_hash.hpp"

namespace corsac {
namespace {

constexpr std::string_view kOption = "rules";
constexpr std::string_view kPrefixMark = "/*";

bool is_control(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return value < 0x20 || value == 0x7F;
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = 1;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
      length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      length = 3;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      length = 4;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    } else if (lead >= 0x80) {
      return false;
    }
    if (text.size() - i < length) return false;
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if (byte < low || byte > high) return false;
      low = 0x80;
      high = 0xBF;
    }
    i += length;
  }
  return true;
}

std::string two_hex_digits(char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto value = static_cast<unsigned char>(byte);
  return {kDigits[value >> 4U], kDigits[value & 0xFU]};
}

/// The text for a message: control bytes escaped, and with them what is not UTF-8.
std::string printable(std::string_view text) {
  const bool utf8 = is_utf8(text);
  std::string result;
  for (const char byte : text) {
    if (is_control(byte) || (!utf8 && static_cast<unsigned char>(byte) >= 0x80)) {
      result += "\\x" + two_hex_digits(byte);
    } else {
      result += byte;
    }
  }
  return result;
}

/// The byte that an escape at `at` stands for, or nothing: a `%` may also stand for itself.
std::optional<char> escaped_byte(std::string_view text, std::size_t at) {
  if (text[at] != '%' || text.size() - at < 3) return std::nullopt;
  unsigned value = 0;
  const char* begin = text.data() + at + 1;
  const auto [end, error] = std::from_chars(begin, begin + 2, value, 16);
  if (error != std::errc{} || end != begin + 2) return std::nullopt;
  return static_cast<char>(value);
}

std::size_t find_escape(std::string_view text) {
  for (std::size_t i = text.find('%'); i != text.npos; i = text.find('%', i + 1)) {
    if (escaped_byte(text, i)) return i;
  }
  return text.npos;
}

/// Once, as a server does it.
std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const std::optional<char> byte = escaped_byte(text, i)) {
      result += *byte;
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

/// Why a text is no pattern, or an empty text.
std::string fault_of(std::string_view pattern) {
  if (pattern.empty()) return "the pattern is empty";
  if (pattern.size() > kMaxPathPatternLength) {
    return "the pattern is longer than " + std::to_string(kMaxPathPatternLength) + " bytes";
  }
  if (pattern.front() != '/') return "a path begins with \"/\"";
  if (const auto found = std::ranges::find_if(pattern, is_control); found != pattern.end()) {
    return "the pattern has the control byte 0x" + two_hex_digits(*found);
  }
  if (const std::size_t mark = pattern.find_first_of("?#"); mark != pattern.npos) {
    return pattern[mark] == '?' ? "\"?\" begins the query, which is no part of the path"
                                : "\"#\" begins the fragment, which no browser sends";
  }
  if (const std::size_t star = pattern.find('*');
      star != pattern.npos && (star + 1 != pattern.size() || pattern[star - 1] != '/')) {
    return "\"*\" may only stand for the whole last segment, as in \"/api/*\"";
  }
  if (const std::size_t escape = find_escape(pattern); escape != pattern.npos) {
    return "paths are compared as the router sees them, decoded, so that " +
           quoted(pattern.substr(escape, 3)) + " is not there any more";
  }
  return {};
}

/// The pattern that was most likely meant. It may be as wrong as the one given, or empty.
std::string repaired(std::string_view pattern) {
  pattern = ascii::trim_tab_or_space(pattern);
  // Only the path of a URL.
  if (const std::size_t scheme_end = pattern.find("://");
      scheme_end != pattern.npos && !pattern.starts_with('/')) {
    const std::size_t path = pattern.find('/', scheme_end + 3);
    pattern = path == pattern.npos ? std::string_view{} : pattern.substr(path);
  }
  pattern = pattern.substr(0, pattern.find_first_of("?#"));
  // Only the inside of an anchored regular expression, and nothing if it is more than a prefix.
  if (pattern.starts_with('^')) pattern.remove_prefix(1);
  if (pattern.ends_with('$')) pattern.remove_suffix(1);
  if (pattern.empty() || pattern.find_first_of("^$()[]|\\") != pattern.npos) return {};

  std::string text = pattern.starts_with('/') ? "" : "/";
  text += pattern;
  // `/api*`, `/api/**` and the regular expression `/api/.*`: only the end is touched.
  const bool is_prefix = text.ends_with('*');
  if (is_prefix) {
    text.resize(text.find_last_not_of("*.") + 1);
    if (text.ends_with('/')) text.pop_back();
  }
  // A decoded byte that means something in a pattern would change what the pattern says.
  const std::string decoded = percent_decoded(text);
  if (decoded != text && (decoded.find('*') != decoded.npos || !is_utf8(decoded))) return {};
  return decoded + std::string(is_prefix ? kPrefixMark : "");
}

std::string hint_for(std::string_view pattern) {
  if (const std::string meant = repaired(pattern); fault_of(meant).empty()) {
    return "did you mean " + quoted(meant) + "?";
  }
  if (pattern.size() <= kMaxPathPatternLength && find_escape(pattern) != pattern.npos) {
    return "the router sees " + quoted(printable(percent_decoded(pattern))) +
           ", which no pattern can name: write a prefix that ends before it, such as \"/api/*\"";
  }
  return "write a whole path, such as \"/health\", or a prefix, such as \"/api/*\" or \"/*\" for "
         "every path; patterns are no regular expressions";
}

}  // namespace

std::string_view PathRules::Rule::key() const noexcept {
  return std::string_view(pattern).substr(
      0, pattern.size() - (is_prefix ? kPrefixMark.size() : std::size_t{0}));
}

/// Calls `visit(hash, key)` for each part of the path that may be the key of a prefix, from the
/// shortest to the longest.
///
/// A key's hash is chained over the parts between these borders, so that each byte is read once.
/// Two texts that begin alike have the same borders there: that is why a key and the paths under it
/// get the same hash.
template <typename Visit>
void PathRules::visit_borders(std::string_view path, Visit visit) const noexcept {
  std::uint64_t hash = seed_;
  std::size_t hashed = 0;
  for (const std::size_t length : prefix_lengths_) {
    if (length > path.size()) return;
    if (length != path.size() && path[length] != '/') continue;
    hash = hash_bytes(path.substr(hashed, length - hashed), hash);
    hashed = length;
    visit(hash, path.substr(0, length));
  }
}

std::uint32_t PathRules::find(std::uint64_t hash, std::string_view key,
                              bool is_prefix) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].index_plus_one != 0; at = (at + 1) & mask) {
    if (slots_[at].tag != tag_of(hash)) continue;
    const std::uint32_t index = slots_[at].index_plus_one - 1;
    if (rules_[index].is_prefix == is_prefix && rules_[index].key() == key) return index;
  }
  return kNone;
}

std::uint32_t PathRules::first_exact(std::string_view path) const noexcept {
  if (path.size() > kMaxPathPatternLength || !exact_lengths_.test(path.size())) return kNone;
  return find(hash_bytes(path, seed_), path, false);
}

std::uint32_t PathRules::first_prefix(std::string_view path) const noexcept {
  // All that match are looked at: the smallest index decides, not the longest key.
  std::uint32_t first = kNone;
  visit_borders(path, [this, &first](std::uint64_t hash, std::string_view key) {
    first = std::min(first, find(hash, key, true));
  });
  return first;
}

std::optional<std::size_t> PathRules::match(std::string_view path) const noexcept {
  const std::uint32_t first = std::min(first_exact(path), first_prefix(path));
  if (first == kNone) return std::nullopt;
  return first;
}

PathRules::Merged PathRules::match_merged(std::string_view path) const noexcept {
  // What comes after is beyond every pattern, whatever is merged there.
  constexpr std::size_t kLookedAt = kMaxPathPatternLength + 1;
  if (path.substr(0, kLookedAt + 1).find("//") == path.npos) return {};
  std::array<char, kLookedAt> merged;
  std::size_t size = 0;
  for (std::size_t i = 0; i < path.size() && size < merged.size(); ++i) {
    if (i == kMaxRepeatedSlashesRead) return {Repeated::kTooMany, std::nullopt};
    if (path[i] != '/' || i == 0 || path[i - 1] != '/') merged[size++] = path[i];
  }
  return {Repeated::kMatched, match({merged.data(), size})};
}

/// Judges the patterns and fills the rules; the only place that writes them.
class PathRulesBuilder {
 public:
  PathRulesBuilder(const std::vector<std::string>& patterns, std::uint64_t seed)
      : patterns_(patterns), rules_(new PathRules(seed)) {
    if (patterns.size() >= PathRules::kNone) {
      throw std::length_error("there are at most 4 294 967 294 rules");
    }
  }

  PathRulesBuild build() {
    // The hash of a prefix depends on the lengths of all prefixes, so they come first.
    read_patterns();
    fill_table();
    bool failed = false;
    for (std::size_t i = 0; i < patterns_.size(); ++i) failed = judge(i) || failed;

    PathRulesBuild result;
    if (!failed) result.rules = std::move(rules_);
    result.problems = std::move(problems_);
    return result;
  }

 private:
  using Rule = PathRules::Rule;

  void read_patterns() {
    faults_.reserve(patterns_.size());
    rules_->rules_.reserve(patterns_.size());
    std::bitset<kMaxPathPatternLength + 1> prefix_lengths;
    for (const std::string& pattern : patterns_) {
      const std::string& fault = faults_.emplace_back(fault_of(pattern));
      const Rule& rule = rules_->rules_.emplace_back(Rule{pattern, pattern.ends_with(kPrefixMark)});
      if (!fault.empty()) continue;
      (rule.is_prefix ? prefix_lengths : rules_->exact_lengths_).set(rule.key().size());
    }
    for (std::size_t length = 0; length < prefix_lengths.size(); ++length) {
      if (prefix_lengths.test(length)) {
        rules_->prefix_lengths_.push_back(static_cast<std::uint16_t>(length));
      }
    }
  }

  void fill_table() {
    rules_->slots_.resize(std::bit_ceil(std::max<std::size_t>(patterns_.size() * 2, 2)));
    first_same_.reserve(patterns_.size());
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      first_same_.push_back(faults_[i].empty() ? add(i) : i);
    }
  }

  /// Adds a rule unless the same pattern is there. @return the index of the one that is.
  std::size_t add(std::size_t index) {
    const Rule& rule = rules_->rules_[index];
    const std::uint64_t hash =
        rule.is_prefix ? hash_prefix(rule.key()) : hash_bytes(rule.key(), rules_->seed_);
    const std::uint32_t found = rules_->find(hash, rule.key(), rule.is_prefix);
    if (found != PathRules::kNone) return found;
    std::vector<PathRules::Slot>& slots = rules_->slots_;
    std::size_t at = hash & (slots.size() - 1);
    while (slots[at].index_plus_one != 0) at = (at + 1) & (slots.size() - 1);
    slots[at] = {tag_of(hash), static_cast<std::uint32_t>(index + 1)};
    return index;
  }

  /// The hash of a whole key, which is its last border.
  [[nodiscard]] std::uint64_t hash_prefix(std::string_view key) const {
    std::uint64_t whole = 0;
    rules_->visit_borders(key, [&whole](std::uint64_t hash, std::string_view) { whole = hash; });
    return whole;
  }

  /// @return true if the pattern is refused.
  bool judge(std::size_t index) {
    if (!faults_[index].empty()) {
      report(ProblemCode::kRuleInvalid, index, faults_[index], hint_for(patterns_[index]));
      return true;
    }
    if (const std::size_t same = first_same_[index]; same != index) {
      report(ProblemCode::kRuleDuplicate, index,
             rule_name(index) + " never decides: " + rule_name(same) +
                 " is the same pattern and comes first",
             "remove one of the two");
      return false;
    }
    // The prefixes over a rule's key are those that cover all its paths: exact patterns together
    // could do that only for an exact one, and then they are duplicates.
    if (const std::size_t over = rules_->first_prefix(rules_->rules_[index].key()); over < index) {
      report(ProblemCode::kRuleUnreachable, index,
             rule_name(index) + " never decides: " + rule_name(over) + ", " +
                 quoted(patterns_[over]) + ", comes first and matches the same paths",
             "move it before " + rule_name(over) + ", or remove it");
    }
    return false;
  }

  static std::string rule_name(std::size_t index) { return "rules[" + std::to_string(index) + "]"; }

  void report(ProblemCode code, std::size_t index, std::string message, std::string hint) {
    problems_.push_back({code, default_severity(code), std::string(kOption), patterns_[index],
                         std::move(message), std::move(hint)});
  }

  const std::vector<std::string>& patterns_;
  std::unique_ptr<PathRules> rules_;
  std::vector<std::string> faults_;      ///< Why a pattern is refused; empty: it is not.
  std::vector<std::size_t> first_same_;  ///< The first rule with the same pattern: itself mostly.
  std::vector<ConfigProblem> problems_;
};

PathRulesBuild build_path_rules(const std::vector<std::string>& patterns, std::uint64_t seed) {
  return PathRulesBuilder(patterns, seed).build();
}

PathRulesBuild build_path_rules(const std::vector<std::string>& patterns) {
  return build_path_rules(patterns, random_seed());
}

}  // namespace corsac
