#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

/// The rules a second time, slowly and literally: on owned text, without a data structure, and
/// without a line of code in common with the core. Tests and fuzz targets compare the two.
namespace corsac::naive {

using Strings = std::vector<std::string>;

inline Strings split(const std::string& text, char separator) {
  Strings parts(1);
  for (const char byte : text) {
    if (byte == separator) {
      parts.emplace_back();
    } else {
      parts.back() += byte;
    }
  }
  return parts;
}

inline bool only(const std::string& text, const std::string& bytes) {
  return text.find_first_not_of(bytes) == text.npos;
}

inline std::string lowercase(std::string text) {
  for (char& byte : text) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + 32);
  }
  return text;
}

inline std::string trim(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

inline bool has(const Strings& list, const std::string& member) {
  return std::find(list.begin(), list.end(), member) != list.end();
}

inline bool is_token(const std::string& text) {
  return !text.empty() && only(text,
                               "!#$%&'*+-.^_`|~0123456789"
                               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

// --- Origins ---

inline bool can_be_one_origin(const std::string& text) {
  if (text == "*") return false;  // A wildcard is no origin.
  if (text.empty() || text.size() > 326) return false;
  for (const char byte : text) {
    const int value = static_cast<unsigned char>(byte);
    if (value < 0x21 || value > 0x7E || byte == ',') return false;
  }
  return true;
}

const inline std::string kLowerLetters = "abcdefghijklmnopqrstuvwxyz";
const inline std::string kUpperLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const inline std::string kDigits = "0123456789";
const inline std::string kLabelBytes = kLowerLetters + kDigits + "-_";

inline bool is_label(const std::string& label) {
  return !label.empty() && label.size() <= 63 && only(label, kLabelBytes);
}

inline bool is_port(const std::string& text) {
  if (text.empty() || text.size() > 5 || !only(text, "0123456789")) return false;
  const int number = std::stoi(text);
  return number >= 1 && number <= 65535 && std::to_string(number) == text;
}

struct Parts {
  bool separated = false;  ///< There is a "://".
  std::string scheme;
  std::string host;
  std::string port;
  bool has_port = false;
};

/// Cuts at the first "://" and at the last colon that is outside brackets.
inline Parts parts_of(const std::string& text) {
  Parts parts;
  const std::size_t separator = text.find("://");
  if (separator == text.npos) return parts;
  parts.separated = true;
  parts.scheme = text.substr(0, separator);
  std::string rest = text.substr(separator + 3);
  const std::size_t colon = rest.rfind(':');
  if (colon != rest.npos && rest.find(']', colon) == rest.npos) {
    parts.has_port = true;
    parts.port = rest.substr(colon + 1);
    rest.resize(colon);
  }
  parts.host = rest;
  return parts;
}

inline bool port_matches(const Parts& entry, const Parts& origin) {
  if (origin.has_port) {
    if (!is_port(origin.port)) return false;
    if (origin.scheme == "http" && origin.port == "80") return false;
    if (origin.scheme == "https" && origin.port == "443") return false;
  }
  if (entry.port == "*") return true;
  return entry.has_port == origin.has_port && entry.port == origin.port;
}

/// Does one configured entry, already known to be a good one, allow the origin?
inline bool matches(const std::string& entry_text, const std::string& origin_text) {
  if (entry_text.find('*') == entry_text.npos) return entry_text == origin_text;
  const Parts entry = parts_of(entry_text);
  const Parts origin = parts_of(origin_text);
  if (entry.scheme != origin.scheme || !port_matches(entry, origin)) return false;
  if (!entry.host.starts_with("*.")) return entry.host == origin.host;

  const std::string suffix = entry.host.substr(1);  // With its dot.
  if (origin.host.size() <= suffix.size() || !origin.host.ends_with(suffix)) return false;
  const bool dotted = origin.host.ends_with('.');
  if (origin.host.size() - (dotted ? 1 : 0) > 253) return false;
  const std::string covered = origin.host.substr(0, origin.host.size() - suffix.size());
  for (const std::string& label : split(covered, '.')) {
    if (!is_label(label)) return false;
  }
  return true;
}

inline bool contains(const Strings& entries, const std::string& origin) {
  for (const std::string& entry : entries) {
    if (matches(entry, origin)) return true;
  }
  return false;
}

// --- Configured entries ---

inline std::string without_trailing_dot(const std::string& host) {
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

inline bool ends_in_a_number(const std::string& host) {
  const std::string label = split(without_trailing_dot(host), '.').back();
  if (label.starts_with("0x")) return only(label.substr(2), "0123456789abcdef");
  return !label.empty() && only(label, "0123456789");
}

inline bool is_ipv4(const std::string& host) {
  const Strings numbers = split(host, '.');
  if (numbers.size() != 4) return false;
  for (const std::string& number : numbers) {
    if (number.empty() || number.size() > 3 || !only(number, "0123456789")) return false;
    if (std::stoi(number) > 255 || std::to_string(std::stoi(number)) != number) return false;
  }
  return true;
}

/// The form that URL serializes, stated as rules about the text.
inline bool is_ipv6(const std::string& text) {
  std::string left = text;
  std::string right;
  const std::size_t gap = text.find("::");
  if (gap != text.npos) {
    left = text.substr(0, gap);
    right = text.substr(gap + 2);
  }
  Strings pieces = left.empty() ? Strings{} : split(left, ':');
  const std::size_t before_gap = pieces.size();
  if (!right.empty()) {
    for (const std::string& piece : split(right, ':')) pieces.push_back(piece);
  }
  for (const std::string& piece : pieces) {
    if (piece.empty() || piece.size() > 4 || !only(piece, "0123456789abcdef")) return false;
    if (piece.size() > 1 && piece.front() == '0') return false;
  }
  if (gap == text.npos && pieces.size() != 8) return false;
  if (gap != text.npos && pieces.size() > 6) return false;  // A gap is two zeros or more.
  const std::size_t missing = 8 - pieces.size();
  // No zero touches the gap, and no other run of zeros deserves the gap more.
  if (gap != text.npos && before_gap > 0 && pieces[before_gap - 1] == "0") return false;
  if (gap != text.npos && before_gap < pieces.size() && pieces[before_gap] == "0") return false;
  std::size_t run = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (gap != text.npos && i == before_gap) run = 0;
    run = pieces[i] == "0" ? run + 1 : 0;
    const std::size_t allowed = gap == text.npos ? 1 : i < before_gap ? missing - 1 : missing;
    if (run > allowed && run > 1) return false;
  }
  return true;
}

/// The schemes whose hosts are domains, with the port that nobody writes.
inline std::string default_port(const std::string& scheme) {
  if (scheme == "http" || scheme == "ws") return "80";
  if (scheme == "https" || scheme == "wss") return "443";
  return scheme == "ftp" ? "21" : "";
}

inline bool is_good_scheme(const std::string& scheme) {
  if (scheme.empty() || scheme.size() > 64 || scheme == "file") return false;
  return only(scheme.substr(0, 1), kLowerLetters) && only(scheme, kLowerLetters + kDigits + "+-.");
}

inline bool is_bracketed_ipv6(const std::string& host) {
  return host.size() > 2 && host.starts_with('[') && host.ends_with(']') &&
         is_ipv6(host.substr(1, host.size() - 2));
}

/// A host that the parser of its kind takes and leaves as it is, listed byte by byte; a comma would
/// make two origins of one.
inline bool is_serialized_host(const std::string& scheme, const std::string& host) {
  if (host.starts_with('[')) return is_bracketed_ipv6(host);
  const bool is_domain = !default_port(scheme).empty();
  const std::string domain_bytes = kLowerLetters + kDigits + "!\"$&'()*+-.;=_`{}~";
  const std::string bytes = is_domain ? domain_bytes : domain_bytes + kUpperLetters + "%";
  if (host.empty() || !only(host, bytes)) return false;
  return !is_domain || !ends_in_a_number(host) || is_ipv4(host);
}

/// Can a browser send the text as a page's origin, other than `null`?
inline bool is_serialized_origin(const std::string& text) {
  const Parts parts = parts_of(text);
  if (text.size() > 326 || !parts.separated || !is_good_scheme(parts.scheme)) return false;
  if (parts.has_port && (!is_port(parts.port) || parts.port == default_port(parts.scheme))) {
    return false;
  }
  return is_serialized_host(parts.scheme, parts.host);
}

/// May the text be an entry of allow_origins, other than `*` and `null`?
inline bool is_entry(const std::string& text) {
  const Parts parts = parts_of(text);
  if (text.size() > 326 || !parts.separated || !is_good_scheme(parts.scheme)) return false;
  const bool is_domain = !default_port(parts.scheme).empty();
  if (parts.has_port && parts.port != "*") {
    if (!is_port(parts.port) || parts.port == default_port(parts.scheme)) return false;
  }
  const bool wildcard = parts.host.starts_with("*.");
  const std::string host = wildcard ? parts.host.substr(2) : parts.host;
  if (host.starts_with('[')) return !wildcard && is_bracketed_ipv6(host);
  if (host.find('*') != host.npos) return false;
  if (!wildcard && !is_domain) return is_serialized_host(parts.scheme, host);

  const std::string name = without_trailing_dot(host);
  if (wildcard && name.size() + 2 > 253) return false;
  for (const std::string& label : split(name, '.')) {
    if (label.empty() || !only(label, kLabelBytes)) return false;
  }
  return !ends_in_a_number(host) || (!wildcard && is_ipv4(host));
}

// --- Hosts ---

/// What a Host header may have beside an address in brackets; a comma would be two of them.
inline bool is_reg_name(const std::string& text) {
  const std::string bytes = kLowerLetters + kUpperLetters + kDigits + "-._~!$&'()*+;=";
  std::string rest = text;
  while (!rest.empty()) {
    if (rest[0] == '%') {
      if (rest.size() < 3 || !only(rest.substr(1, 2), kDigits + "abcdefABCDEF")) return false;
      rest = rest.substr(3);
    } else if (only(rest.substr(0, 1), bytes)) {
      rest = rest.substr(1);
    } else {
      return false;
    }
  }
  return !text.empty();
}

/// The text of an IPv6 address with as many zeros as there have to be; it may have a dotted tail.
inline bool is_any_ipv6(const std::string& text) {
  std::string left = text;
  const std::size_t dotted = text.rfind(':');
  std::size_t wanted = 8;
  if (dotted != text.npos && text.find('.') != text.npos) {
    if (!is_ipv4(text.substr(dotted + 1))) return false;
    // What stands before the tail; with the two colons of a gap both stay.
    left = text.substr(0, dotted);
    if (left.ends_with(':')) left += ':';
    wanted = 6;
  }
  const std::size_t gap = left.find("::");
  Strings pieces;
  for (const std::string& half :
       {left.substr(0, gap), gap == left.npos ? "" : left.substr(gap + 2)}) {
    if (half.empty()) continue;
    for (const std::string& piece : split(half, ':')) pieces.push_back(piece);
  }
  for (const std::string& piece : pieces) {
    if (piece.empty() || piece.size() > 4 || !only(piece, kDigits + "abcdefABCDEF")) return false;
  }
  return gap == left.npos ? pieces.size() == wanted : pieces.size() < wanted;
}

/// Does one configured entry, already known to be a good one, serve a host?
inline bool serves(const std::string& entry, const std::string& name, const std::string& port) {
  const std::size_t colon = entry.find(':', entry.starts_with('[') ? entry.find(']') : 0);
  const std::string host = entry.substr(0, colon);
  const std::string listed = colon == entry.npos ? "" : entry.substr(colon + 1);
  const bool is_default = listed == "80" || listed == "443";
  if (!listed.empty() && (port.empty() ? !is_default : std::stoi(port) != std::stoi(listed)))
    return false;
  if (without_trailing_dot(name).size() > 253) return false;
  if (!host.starts_with("*.")) return host == name;
  const std::string suffix = host.substr(1);
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return false;
  for (const std::string& label : split(name.substr(0, name.size() - suffix.size()), '.')) {
    if (!is_label(label)) return false;
  }
  return true;
}

/// The reason code for the Host lines of a request, or an empty text.
inline std::string host_refusal(const Strings& entries, const Strings& lines) {
  if (lines.size() != 1 || lines[0].size() > 260) return "host-malformed";
  std::string name = lines[0];
  std::string port;
  const std::size_t close = name.starts_with('[') ? name.find(']') : 0;
  if (close == name.npos) return "host-malformed";
  if (const std::size_t colon = name.find(':', close); colon != name.npos) {
    port = name.substr(colon + 1);
    name.resize(colon);
    if (!only(port, kDigits)) return "host-malformed";
    std::string digits = port;
    while (digits.size() > 1 && digits[0] == '0') digits = digits.substr(1);
    if (digits.size() > 5 || (!digits.empty() && std::stoi(digits) > 65535))
      return "host-malformed";
    port = digits;
  }
  const bool is_bracketed = name.starts_with('[') && name.ends_with(']') && name.size() > 2;
  if (is_bracketed ? !is_any_ipv6(name.substr(1, name.size() - 2)) : !is_reg_name(name))
    return "host-malformed";
  for (const std::string& entry : entries) {
    if (serves(entry, lowercase(name), port)) return "";
  }
  return "host-not-allowed";
}

// --- Header lists ---

struct RequestedHeaders {
  bool whole = true;  ///< Every member is a token and no limit is reached.
  Strings names;      ///< As they were written.
};

inline RequestedHeaders requested_headers(const Strings& lines) {
  RequestedHeaders result;
  std::size_t bytes = 0;
  std::size_t empty = 0;
  for (const std::string& line : lines) {
    bytes += line.size();
    Strings members = split(line, ',');
    if (members.back().empty()) members.pop_back();  // What follows a last comma is no member.
    for (const std::string& untrimmed : members) {
      const std::string member = trim(untrimmed);
      if (member.empty()) {
        ++empty;
      } else if (is_token(member)) {
        result.names.push_back(member);
      } else {
        result.whole = false;
      }
    }
  }
  if (lines.size() > 8 || bytes > 8192 || empty > 16) result.whole = false;
  return result;
}

}  // namespace corsac::naive
