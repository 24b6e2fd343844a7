#include "corsac/origin_verdicts.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "corsac/seeded_hash.hpp"

namespace corsac {
namespace {

constexpr unsigned kLengthBits = 9;
static_assert(kMaxOriginLength < 1U << kLengthBits);

bool can_be_kept(std::string_view origin) noexcept {
  return !origin.empty() && origin.size() <= kMaxOriginLength;
}

/// Not 0, since no origin is empty.
std::uint64_t key_of(std::uint64_t hash, std::string_view origin) noexcept {
  return hash << kLengthBits | origin.size();
}

/// Calls a function with each word of a text and its place, the last one filled up with zeros, as
/// long as it gives true.
template <typename Take>
bool for_each_word(std::string_view text, Take take) noexcept {
  std::size_t place = 0;
  std::uint64_t word = 0;
  for (; text.size() >= sizeof word; text.remove_prefix(sizeof word), ++place) {
    std::memcpy(&word, text.data(), sizeof word);
    if (!take(word, place)) return false;
  }
  if (text.empty()) return true;
  word = 0;
  std::memcpy(&word, text.data(), text.size());
  return take(word, place);
}

}  // namespace

// Readers take no lock. They look at a set's version before and after: an even one that stayed says
// that nobody wrote. What they read is acquired and what is written released, so that whoever reads
// something new of a writer sees its version too.

bool OriginVerdicts::Set::has(std::size_t place, Word key, std::string_view origin) const noexcept {
  if (keys[place].load(std::memory_order_acquire) != key) return false;
  return for_each_word(origin, [&text = texts[place]](Word word, std::size_t at) {
    return text[at].load(std::memory_order_acquire) == word;
  });
}

void OriginVerdicts::Set::write(std::size_t place, Word key, std::string_view origin) noexcept {
  keys[place].store(key, std::memory_order_release);
  for_each_word(origin, [&text = texts[place]](Word word, std::size_t at) {
    text[at].store(word, std::memory_order_release);
    return true;
  });
}

std::size_t OriginVerdicts::Set::place_for(bool allowed) noexcept {
  const std::size_t first = allowed ? 0 : kAllowedPlaces;
  const std::size_t count = allowed ? kAllowedPlaces : kRefusedPlaces;
  for (std::size_t place = first; place < first + count; ++place) {
    if (keys[place].load(std::memory_order_relaxed) == 0) return place;
  }
  std::uint8_t& hand = next[allowed ? 0 : 1];
  std::size_t place = first;
  // The place after all others is the first one again, whatever was asked about meanwhile.
  for (std::size_t looks = 0; looks <= count; ++looks) {
    place = first + hand;
    hand = static_cast<std::uint8_t>((hand + 1U) % count);
    const auto bit = static_cast<std::uint8_t>(1U << place);
    const auto others = static_cast<std::uint8_t>(~bit);
    if ((asked_about.fetch_and(others, std::memory_order_relaxed) & bit) == 0) break;
  }
  return place;
}

OriginVerdicts::~OriginVerdicts() {
  for (const std::atomic<Set*>& set : sets_) delete set.load(std::memory_order_relaxed);
}

std::uint64_t OriginVerdicts::hash_of(std::string_view origin) const noexcept {
  return hash_bytes(origin, seed_);
}

OriginVerdicts::Set* OriginVerdicts::make_set(std::uint64_t hash) noexcept {
  std::atomic<Set*>& place = sets_[hash % kSets];
  Set* found = place.load(std::memory_order_acquire);
  if (found != nullptr) return found;
  Set* made = new (std::nothrow) Set();
  if (made == nullptr) return nullptr;
  if (place.compare_exchange_strong(found, made, std::memory_order_acq_rel)) return made;
  delete made;  // Another thread was quicker.
  return found;
}

std::optional<bool> OriginVerdicts::find(std::string_view origin) const noexcept {
  if (!can_be_kept(origin)) return std::nullopt;
  const std::uint64_t hash = hash_of(origin);
  const Set* set = sets_[hash % kSets].load(std::memory_order_acquire);
  if (set == nullptr) return std::nullopt;
  const std::uint32_t version = set->version.load(std::memory_order_acquire);
  if (version % 2 != 0) return std::nullopt;
  const Word key = key_of(hash, origin);
  std::size_t place = 0;
  while (place < kPlaces && !set->has(place, key, origin)) ++place;
  if (place == kPlaces || set->version.load(std::memory_order_relaxed) != version)
    return std::nullopt;
  // Not written again and again: other threads read it too.
  const auto bit = static_cast<std::uint8_t>(1U << place);
  if ((set->asked_about.load(std::memory_order_relaxed) & bit) == 0)
    set->asked_about.fetch_or(bit, std::memory_order_relaxed);
  return place < kAllowedPlaces;
}

void OriginVerdicts::put(std::string_view origin, bool allowed) noexcept {
  if (!can_be_kept(origin)) return;
  const std::uint64_t hash = hash_of(origin);
  Set* set = make_set(hash);
  if (set == nullptr) return;
  std::uint32_t version = set->version.load(std::memory_order_relaxed);
  if (version % 2 != 0 ||
      !set->version.compare_exchange_strong(version, version + 1, std::memory_order_acq_rel)) {
    return;
  }
  const Word key = key_of(hash, origin);
  bool is_there = false;
  for (std::size_t place = 0; place < kPlaces; ++place) {
    if (!set->has(place, key, origin)) continue;
    is_there = allowed == (place < kAllowedPlaces);
    if (!is_there) set->keys[place].store(0, std::memory_order_release);
  }
  if (!is_there) set->write(set->place_for(allowed), key, origin);
  set->version.store(version + 2, std::memory_order_release);
}

std::size_t OriginVerdicts::size() const noexcept {
  std::size_t count = 0;
  for (const std::atomic<Set*>& one : sets_) {
    const Set* set = one.load(std::memory_order_acquire);
    if (set == nullptr) continue;
    count += static_cast<std::size_t>(std::ranges::count_if(
        set->keys, [](const auto& key) { return key.load(std::memory_order_relaxed) != 0; }));
  }
  return count;
}

}  // namespace corsac
