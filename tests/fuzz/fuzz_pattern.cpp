#include <array>
#include <string>
#include <string_view>
#include <variant>

#include "corsac/origin.hpp"
#include "corsac/origin_set.hpp"
#include "fuzz/entry.hpp"
#include "fuzz/naive.hpp"
#include "fuzz/near_miss.hpp"

/// Input: a pattern; in each further line the bytes that choose one origin. Origins are *built* to
/// match or not to, so that what is expected is known without any matcher, also without the naive
/// one; that one then judges near misses.
namespace corsac::fuzz {
namespace {

std::string good_label(Choices& choices) {
  constexpr std::string_view kInner = "abcdefghijklmnopqrstuvwxyz0123456789-_";
  const std::size_t length = 1 + choices.below(kMaxLabelLength);
  std::string label;
  while (label.size() < length) label += kInner[choices.below(kInner.size())];
  return label;
}

/// A port that `:*` stands for, with its colon, or none.
std::string good_port(std::string_view scheme, Choices& choices) {
  const std::size_t port = choices.below_wide(65536);
  if (port == 0 || (scheme == "http" && port == 80) || (scheme == "https" && port == 443))
    return "";
  return ":" + std::to_string(port);
}

std::string port_of(const OriginPattern& pattern, Choices& choices) {
  if (pattern.any_port) return good_port(pattern.scheme, choices);
  return pattern.port ? ":" + std::to_string(*pattern.port) : "";
}

bool contains(const OriginSet& set, const std::string& origin) {
  const bool contained = set.contains(ExactBytes(origin).view());
  CORSAC_HOLDS(contained == set.matches_pattern(origin));
  return contained;
}

void check_constructed(const OriginSet& set, const OriginPattern& pattern, Choices& choices) {
  const std::string scheme = pattern.scheme + "://";
  const std::string port = port_of(pattern, choices);
  std::string host = pattern.host;
  if (pattern.subdomains) {
    CORSAC_HOLDS(!contains(set, scheme + host + port));  // Never the apex.
    CORSAC_HOLDS(!contains(set, scheme + "." + host + port));
    const std::size_t longest = kMaxHostLength + (host.ends_with('.') ? 1 : 0);
    std::size_t labels = 1 + choices.below(6);
    for (; labels > 0; --labels) {
      const std::string longer = good_label(choices) + "." + host;
      if (longer.size() > longest) break;
      host = longer;
      CORSAC_HOLDS(contains(set, scheme + host + port));
    }
    if (host == pattern.host) return;
    CORSAC_HOLDS(!contains(set, scheme + host.substr(0, host.find('.')) + pattern.host + port));
    // One bad byte in what `*` stands for.
    constexpr std::string_view kBadBytes = "A*/@:[]?#\\%, \t\n\x7F\x80\xFF";
    std::string spoilt = host;
    const std::size_t covered = host.size() - pattern.host.size() - 1;
    spoilt[choices.below_wide(covered)] = kBadBytes[choices.below(kBadBytes.size())];
    CORSAC_HOLDS(!contains(set, scheme + spoilt + port));
    // One byte longer than a host can be.
    std::string too_long = host;
    while (too_long.size() <= longest) too_long.insert(0, too_long.size() % 2 == 0 ? "a." : "b");
    CORSAC_HOLDS(!contains(set, scheme + too_long + port));
  } else {
    CORSAC_HOLDS(contains(set, scheme + host + port));
    CORSAC_HOLDS(!contains(set, scheme + "a." + host + port));
    CORSAC_HOLDS(!contains(set, scheme + "a" + host + port));
  }
  CORSAC_HOLDS(!contains(set, "x" + scheme + host + port));
  // A name below another name that only ends like the pattern's.
  CORSAC_HOLDS(!contains(set, scheme + host + ".x" + naive::split(host, '.').back() + port));
  CORSAC_HOLDS(!contains(set, scheme + host + "." + port));
  CORSAC_HOLDS(!contains(set, scheme + host + port + "/"));
  for (const std::string_view bad :
       {":", ":0", ":65536", ":08", ":*", ":-1", ": 1", ":99999999999"})
    CORSAC_HOLDS(!contains(set, scheme + host + std::string(bad)));
  if (pattern.scheme == "http") CORSAC_HOLDS(!contains(set, scheme + host + ":80"));
  if (pattern.scheme == "https") CORSAC_HOLDS(!contains(set, scheme + host + ":443"));
  if (!pattern.any_port) {
    const std::string wrong_port = pattern.port ? "" : ":1";
    CORSAC_HOLDS(!contains(set, scheme + host + wrong_port));
  }
}

}  // namespace
}  // namespace corsac::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corsac;
  using namespace corsac::fuzz;
  std::string_view rest = as_text(data, size);
  const std::string entry = unfolded(take_line(rest));
  const auto parsed = parse_origin_pattern(entry);
  const auto* pattern = std::get_if<OriginPattern>(&parsed);
  if (pattern == nullptr || pattern->is_exact()) return 0;

  OriginSet set(size);
  CORSAC_HOLDS(set.empty());
  CORSAC_HOLDS(set.add_pattern(*pattern) && !set.add_pattern(*pattern));
  CORSAC_HOLDS(!set.empty() && set.exact_count() == 0);
  CORSAC_HOLDS(!set.contains(entry) && !set.contains("") && !set.contains(kNullOrigin));
  constexpr int kMaxLines = 8;
  int lines = 0;
  do {
    const std::string_view line = take_line(rest);
    Choices for_built(line);
    check_constructed(set, *pattern, for_built);
    Choices for_near_miss(line);
    const std::string origin = near_miss({entry}, for_near_miss);
    CORSAC_HOLDS(contains(set, origin) == naive::matches(entry, origin));
    const std::string literal = unfolded(line);
    CORSAC_HOLDS(contains(set, literal) == naive::matches(entry, literal));
  } while (!rest.empty() && ++lines < kMaxLines);
  return 0;
}
