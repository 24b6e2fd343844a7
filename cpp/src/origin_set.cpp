#include "corsac/origin_set.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

#include "corsac/seeded_hash.hpp"

namespace corsac {

std::size_t OriginSet::HostHash::operator()(const HostKeyView& key) const noexcept {
  return hash_bytes(key.host, key.scheme.hash + (key.subdomains ? 1 : 0));
}

std::size_t OriginSet::HostHash::operator()(const HostKey& key) const noexcept {
  return (*this)(HostKeyView{{key.scheme, hash_bytes(key.scheme, seed)}, key.host, key.subdomains});
}

OriginSet::Scheme OriginSet::hashed(std::string_view scheme) const noexcept {
  return {scheme, hash_bytes(scheme, seed_)};
}

bool OriginSet::Ports::allow(std::string_view port) const noexcept {
  if (any) return true;
  if (port.empty()) return none;
  unsigned number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  return std::ranges::binary_search(listed, number);
}

bool OriginSet::Ports::cover(const OriginPattern& pattern) const noexcept {
  if (any || pattern.any_port) return any;
  return pattern.port ? std::ranges::binary_search(listed, *pattern.port) : none;
}

OriginSet::OriginSet(std::uint64_t seed) : seed_(seed), patterns_(0, HostHash{seed}) {}

void OriginSet::reserve(std::size_t count, std::size_t bytes) {
  bytes_.reserve(bytes);
  grow(std::bit_ceil(count * 2));
}

void OriginSet::grow(std::size_t slots) {
  if (slots <= slots_.size()) return;
  Slots table(slots);
  for (const Slot& slot : slots_) {
    if (slot.is_free()) continue;
    std::size_t at = hash_bytes(text_of(slot), seed_) & (slots - 1);
    while (!table[at].is_free()) at = (at + 1) & (slots - 1);
    table[at] = slot;
  }
  slots_.swap(table);
}

std::size_t OriginSet::find(std::string_view origin, std::uint64_t hash) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; !slots_[at].is_free(); at = (at + 1) & mask) {
    if (slots_[at].may_be(hash, origin.size()) && text_of(slots_[at]) == origin) break;
  }
  return at;
}

bool OriginSet::add_exact(std::string_view origin) {
  if (origin.empty() || origin.size() > kMaxOriginLength || bytes_.size() >= kMaxBytes) {
    throw std::length_error(
        "an origin has 1 to 326 bytes, and all of a policy less than 2 to the 39");
  }
  if ((exact_count_ + 1) * 2 > slots_.size()) grow(std::max<std::size_t>(8, slots_.size() * 2));
  const std::uint64_t hash = hash_bytes(origin, seed_);
  const std::size_t at = find(origin, hash);
  if (!slots_[at].is_free()) return false;
  slots_[at] = Slot(hash, bytes_.size(), origin.size());
  bytes_ += origin;
  ++exact_count_;
  return true;
}

bool OriginSet::add_pattern(const OriginPattern& pattern) {
  if (pattern.subdomains) {
    subdomain_host_lengths_.set(pattern.host.size());
  } else {
    has_host_patterns_ = true;
  }
  Ports& ports = patterns_[HostKey{pattern.scheme, pattern.host, pattern.subdomains}];
  if (pattern.any_port) return !std::exchange(ports.any, true);
  if (!pattern.port) return !std::exchange(ports.none, true);
  const auto place = std::ranges::lower_bound(ports.listed, *pattern.port);
  if (place != ports.listed.end() && *place == *pattern.port) return false;
  ports.listed.insert(place, *pattern.port);
  return true;
}

bool OriginSet::contains(std::string_view origin) const noexcept {
  if (origin.size() > kMaxOriginLength) return false;
  return contains_exact(origin) || matches_pattern(origin);
}

bool OriginSet::contains_exact(std::string_view origin) const noexcept {
  return !slots_.empty() && !slots_[find(origin, hash_bytes(origin, seed_))].is_free();
}

bool OriginSet::host_allows(const HostKeyView& key, std::string_view port) const noexcept {
  const auto found = patterns_.find(key);
  return found != patterns_.end() && found->second.allow(port);
}

bool OriginSet::has_wider_pattern(const OriginPattern& pattern) const noexcept {
  const auto ports_of = [this, scheme = hashed(pattern.scheme)](std::string_view host,
                                                                bool subdomains) -> const Ports* {
    const auto found = patterns_.find(HostKeyView{scheme, host, subdomains});
    return found == patterns_.end() ? nullptr : &found->second;
  };
  const Ports* same_host = ports_of(pattern.host, pattern.subdomains);
  if (same_host != nullptr && same_host->any && !pattern.any_port) return true;
  for (std::size_t dot = pattern.host.find('.'); dot != std::string::npos;
       dot = pattern.host.find('.', dot + 1)) {
    const Ports* above = ports_of(std::string_view(pattern.host).substr(dot + 1), true);
    if (above != nullptr && above->cover(pattern)) return true;
  }
  return false;
}

bool OriginSet::matches_pattern(std::string_view origin) const noexcept {
  if (patterns_.empty()) return false;
  const std::optional<OriginParts> parts = split_origin(origin);
  if (!parts) return false;
  const Scheme scheme = hashed(parts->scheme);
  if (has_host_patterns_ && host_allows({scheme, parts->host, false}, parts->port)) return true;
  if (subdomain_host_lengths_.none()) return false;

  // A trailing dot makes a name one byte longer than kMaxHostLength allows without it.
  const std::string_view host = parts->host;
  if (host.size() > kMaxHostLength + (host.ends_with('.') ? 1U : 0U)) return false;
  // Labels left of each border are checked as the border moves right, so that `*` stands for whole,
  // valid labels only and the first bad one ends the search.
  for (std::size_t begin = 0;;) {
    const std::size_t dot = host.find('.', begin);
    if (dot == host.npos || !is_host_label(host.substr(begin, dot - begin))) return false;
    const std::string_view suffix = host.substr(dot + 1);
    if (subdomain_host_lengths_.test(suffix.size()) &&
        host_allows({scheme, suffix, true}, parts->port)) {
      return true;
    }
    begin = dot + 1;
  }
}

}  // namespace corsac
