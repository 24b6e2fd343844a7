#include "origin_list.hpp"

#include <unordered_set>
#include <variant>

namespace corsac {
namespace {

/// What to write instead of an entry that is not an origin pattern.
std::string way_out(const OriginError& error) {
  if (error.suggestion.empty()) {
    return "write it as browsers send it, such as \"https://app.example.com\"";
  }
  const std::string quoted = '"' + error.suggestion + '"';
  return error.is_address_filled_up ? "write " + quoted + " if that address is meant"
                                    : "did you mean " + quoted + "?";
}

bool is_insecure(const OriginPattern& pattern) {
  // Only http pages can be changed on the way by the network. Extension and app-shell schemes
  // (chrome-extension:, capacitor:, tauri:) are not fetched from a network at all.
  return pattern.scheme == "http" && !is_potentially_trustworthy(pattern);
}

/// `https://*.example.com` without its wildcard; empty for a pattern that has only a `:*`.
std::string apex_of(std::string pattern) {
  const std::size_t wildcard = pattern.find("*.");
  return wildcard == pattern.npos ? std::string{} : pattern.erase(wildcard, 2);
}

}  // namespace

void OriginListReader::read(const std::vector<std::string>& entries) {
  std::size_t bytes = 0;
  for (const std::string& entry : entries) bytes += entry.size();
  set_.reserve(entries.size(), bytes);
  for (const std::string& entry : entries) {
    if (entry != "*") read_entry(entry);
  }
}

void OriginListReader::read_entry(const std::string& entry) {
  if (entry == kNullOrigin) {
    report(ProblemCode::kOriginNull, entry,
           "any site can send the origin null, from a sandboxed iframe",
           "serve the page from an origin of its own and list that");
    has_null_ = true;
    set_.add_exact(entry);
    return;
  }
  auto parsed = parse_origin_pattern(entry);
  if (const auto* error = std::get_if<OriginError>(&parsed)) {
    report(error->code, entry, error->message, way_out(*error));
    return;
  }
  const auto& pattern = std::get<OriginPattern>(parsed);
  if (credentials_ && is_insecure(pattern)) {
    report(ProblemCode::kOriginInsecureWithCredentials, entry,
           "anyone on the network can change an http page and so act with the user's cookies",
           "did you mean \"https" + entry.substr(pattern.scheme.size()) + "\"?");
  }
  if (any_) {
    report(ProblemCode::kOriginRedundant, entry, "\"*\" already allows it",
           "remove it, or remove \"*\"");
    return;
  }
  const bool added = pattern.is_exact() ? set_.add_exact(entry) : set_.add_pattern(pattern);
  if (added && !pattern.is_exact()) patterns_.emplace_back(&entry, pattern);
  if (!added) {
    report(ProblemCode::kOriginRedundant, entry, "it is listed twice", "remove one of them");
  }
}

void OriginListReader::find_missing_apexes(const std::vector<std::string>& entries) {
  std::unordered_set<std::string> missing;
  for (const auto& [entry, pattern] : patterns_) missing.insert(apex_of(*entry));
  missing.erase(std::string{});
  if (missing.empty()) return;
  for (const std::string& entry : entries) missing.erase(entry);
  for (const auto& [entry, pattern] : patterns_) {
    const std::string apex = apex_of(*entry);
    if (missing.erase(apex) == 0 || set_.matches_pattern(apex)) continue;
    report(ProblemCode::kOriginApexNotCovered, *entry,
           "the pattern matches subdomains only, not " + apex + " itself",
           "add \"" + apex + "\" if pages are served from it");
  }
}

void OriginListReader::find_swallowed_origins(const std::vector<std::string>& entries) {
  if (patterns_.empty()) return;
  for (const std::string& entry : entries) {
    if (set_.matches_pattern(entry)) {
      report(ProblemCode::kOriginRedundant, entry, "a pattern in the list already allows it",
             "remove it");
    }
  }
  for (const auto& [entry, pattern] : patterns_) {
    if (set_.has_wider_pattern(pattern)) {
      report(ProblemCode::kOriginRedundant, *entry,
             "a wider pattern in the list already allows all that it allows", "remove it");
    }
  }
}

}  // namespace corsac
