#include <string>
#include <string_view>
#include <variant>

#include "corsac/origin.hpp"
#include "corsac/origin_set.hpp"
#include "fuzz/entry.hpp"
#include "fuzz/naive.hpp"
#include "fuzz/near_miss.hpp"

/// Input, a line each: `+entry` adds an entry if it is a good one, `?origin` asks about an origin,
/// `~bytes` asks about an origin made from the entries so far.
namespace corsac::fuzz {
namespace {

void add(OriginSet& set, naive::Strings& entries, const std::string& entry) {
  const bool is_new = !naive::has(entries, entry);
  if (entry == kNullOrigin) {
    CORSAC_HOLDS(set.add_exact(entry) == is_new);
  } else {
    const auto parsed = parse_origin_pattern(entry);
    const auto* pattern = std::get_if<OriginPattern>(&parsed);
    if (pattern == nullptr) return;
    const bool added = pattern->is_exact() ? set.add_exact(entry) : set.add_pattern(*pattern);
    CORSAC_HOLDS(added == is_new);
  }
  if (is_new) entries.push_back(entry);
}

void ask(const OriginSet& set, const naive::Strings& entries, const std::string& origin) {
  const bool contained = set.contains(ExactBytes(origin).view());
  CORSAC_HOLDS(contained == naive::contains(entries, origin));
  // The policy relies on it: what is in the set needs no other look at its bytes.
  CORSAC_HOLDS(!contained || can_be_one_origin(origin));
}

}  // namespace
}  // namespace corsac::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corsac;
  using namespace corsac::fuzz;
  // A few seeds: the answer never depends on one, but the places in the table do.
  OriginSet set(size % 5);
  if (size % 2 == 0) set.reserve(size % 7, size);
  naive::Strings entries;
  std::string_view rest = as_text(data, size);
  while (!rest.empty()) {
    std::string_view line = take_line(rest);
    const char kind = line.empty() ? '?' : line.front();
    if (!line.empty()) line.remove_prefix(1);
    if (kind == '+') {
      add(set, entries, unfolded(line));
    } else if (kind == '~') {
      Choices choices(line);
      do {
        ask(set, entries, near_miss(entries, choices));
      } while (!choices.empty() && !entries.empty());
    } else {
      ask(set, entries, unfolded(line));
    }
  }
  for (const std::string& entry : entries) ask(set, entries, entry);
  CORSAC_HOLDS(set.empty() == entries.empty());
  return 0;
}
