#pragma once

#include <array>
#include <string>
#include <string_view>

#include "fuzz/entry.hpp"
#include "fuzz/naive.hpp"

/// Origins that look like allowed ones: an entry with its wildcards filled in, then spoilt a little
/// or not at all. The entries' own parts are mixed, since most mistakes are a right part in a wrong
/// place.
namespace corsac::fuzz {

inline std::string some_label(Choices& choices) {
  constexpr std::array<std::string_view, 20> kLabels = {
      "a",  "b",  "www", "x_y", "a-b", "0",  "xn--a", "127", "",   "-a",
      "a-", "--", "_",   "A",   "*",   "a$", "a@b",   "a/",  "a%", "\xC3\xA9"};
  const std::size_t choice = choices.below(kLabels.size() + 2);
  if (choice < kLabels.size()) return std::string(kLabels[choice]);
  return std::string(62 + choices.below(3), 'a');
}

inline std::string some_port(Choices& choices) {
  constexpr std::array<std::string_view, 14> kPorts = {"",     ":8443",  ":3000",  ":1",  ":65535",
                                                       ":80",  ":443",   ":0",     ":",   ":65536",
                                                       ":080", ":1:443", ":8443x", ":+80"};
  const std::size_t choice = choices.below(kPorts.size() + 2);
  if (choice < kPorts.size()) return std::string(kPorts[choice]);
  return ":" + std::to_string(choices.below_wide(65536));
}

inline std::string filled_in(const std::string& entry, Choices& choices) {
  const naive::Parts parts = naive::parts_of(entry);
  if (!parts.separated) return entry;
  std::string host = parts.host;
  if (host.starts_with("*.")) {
    host.erase(0, 2);
    for (std::size_t labels = choices.below(5); labels > 0; --labels) {
      host.insert(0, some_label(choices) + ".");
    }
    if (choices.below(8) == 1) {
      const std::size_t length = 248 + choices.below(10);
      while (host.size() < length) host.insert(0, host.size() + 2 > length ? "a" : "a.");
    }
  }
  std::string port = parts.has_port ? ":" + parts.port : "";
  if (port == ":*") port = some_port(choices);
  return parts.scheme + "://" + host + port;
}

inline std::string near_miss(const naive::Strings& entries, Choices& choices) {
  if (entries.empty()) return "";
  std::string origin = filled_in(choices.pick(entries), choices);
  constexpr std::string_view kBytes = "a.:/@*[]-_ \t,\\?#%A0\n\x7F\x80";
  for (std::size_t edits = choices.below(4); edits > 0; --edits) {
    const std::size_t at = choices.below_wide(origin.size() + 1);
    const naive::Parts parts = naive::parts_of(origin);
    const naive::Parts other = naive::parts_of(filled_in(choices.pick(entries), choices));
    switch (choices.below(9)) {
      case 0:
        origin.insert(at, 1, kBytes[choices.below(kBytes.size())]);
        break;
      case 1:
        origin.erase(at, 1);
        break;
      case 2:
        if (at < origin.size()) origin[at] = kBytes[choices.below(kBytes.size())];
        break;
      case 3:
        if (at < origin.size()) origin[at] = static_cast<char>(origin[at] ^ 0x20);
        break;
      case 4:
        origin = other.scheme + "://" + parts.host + (parts.has_port ? ":" + parts.port : "");
        break;
      case 5:
        origin = parts.scheme + "://" + parts.host + (other.has_port ? ":" + other.port : "");
        break;
      case 6:
        origin = parts.scheme + "://" + parts.host + "." + other.host;
        break;
      case 7:
        origin = parts.scheme + "://" + parts.host + some_port(choices);
        break;
      default:
        origin.insert(at, some_label(choices) + ".");
        break;
    }
  }
  return origin;
}

}  // namespace corsac::fuzz
