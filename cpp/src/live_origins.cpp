#include "corsac/live_origins.hpp"

#include <algorithm>
#include <exception>
#include <thread>
#include <unordered_set>
#include <variant>

#include "corsac/origin.hpp"

namespace corsac {
namespace {

void dispose(LiveOrigins* origins) noexcept {
  if (origins->size() <= LiveOrigins::kFreedAtOnce) {
    delete origins;
    return;
  }
  try {
    std::thread([origins] { delete origins; }).detach();
  } catch (const std::exception&) {
    delete origins;  // There is no other thread to be had, or no memory for one.
  }
}

}  // namespace

std::shared_ptr<LiveOrigins> LiveOrigins::make(std::uint64_t seed, bool allow_insecure) {
  return {new LiveOrigins(seed, allow_insecure), dispose};
}

bool LiveOrigins::add_plain(std::string_view entry) {
  if (!entry.starts_with("http") || entry.find("xn--") != entry.npos) return false;
  const auto parsed = parse_origin_pattern(entry);
  const auto* pattern = std::get_if<OriginPattern>(&parsed);
  if (pattern == nullptr || !pattern->is_exact()) return false;
  if (pattern->scheme != "https" && pattern->scheme != "http") return false;
  if (!allow_insecure_ && !is_potentially_trustworthy(*pattern)) return false;
  set_.add_exact(entry);
  return true;
}

void LiveOrigins::add_checked(std::string_view entry) {
  const auto parsed = parse_origin_pattern(entry);
  const auto* pattern = std::get_if<OriginPattern>(&parsed);
  if (pattern == nullptr) return;
  if (pattern->is_exact()) {
    set_.add_exact(entry);
  } else if (set_.add_pattern(*pattern)) {
    patterns_.emplace_back(entry);
  }
}

template <typename IsWanted>
std::vector<std::string> LiveOrigins::first_entries(std::size_t limit, IsWanted is_wanted) const {
  std::vector<std::string_view> wanted;
  set_.for_each_exact([&wanted, &is_wanted](std::string_view origin) {
    if (is_wanted(origin)) wanted.push_back(origin);
  });
  const std::size_t count = std::min(limit, wanted.size());
  // All of them stand in one text, one after the other.
  std::ranges::partial_sort(wanted, wanted.begin() + static_cast<std::ptrdiff_t>(count),
                            std::ranges::less{}, &std::string_view::data);
  return {wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(count)};
}

std::vector<std::string> LiveOrigins::entries(std::size_t limit) const {
  std::vector<std::string> result = first_entries(limit, [](std::string_view) { return true; });
  for (const std::string& pattern : patterns_) {
    if (result.size() >= limit) break;
    result.push_back(pattern);
  }
  return result;
}

std::vector<std::string> LiveOrigins::entries_beyond(const LiveOrigins& other,
                                                     std::size_t limit) const {
  std::vector<std::string> result = first_entries(
      limit, [&other](std::string_view origin) { return !other.set_.contains_exact(origin); });
  const std::unordered_set<std::string_view> others(other.patterns_.begin(), other.patterns_.end());
  for (const std::string& pattern : patterns_) {
    if (result.size() >= limit) break;
    if (!others.contains(pattern)) result.push_back(pattern);
  }
  return result;
}

std::string LiveOrigins::entry_for(std::string_view origin) const {
  if (!contains(origin)) return {};
  for (const std::string& entry : patterns_) {
    OriginSet one(0);
    one.add_pattern(std::get<OriginPattern>(parse_origin_pattern(entry)));
    if (one.contains(origin)) return entry;
  }
  return std::string(origin);
}

}  // namespace corsac
