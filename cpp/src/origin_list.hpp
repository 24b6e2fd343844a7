#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corsac/config_problem.hpp"
#include "corsac/origin.hpp"
#include "corsac/origin_set.hpp"

namespace corsac {

/// Reads a list of origins and patterns into a set, and reports what is wrong with its entries.
class OriginListReader {
 public:
  /// (code, option, entry, message, hint)
  using Report = std::function<void(ProblemCode, std::string_view, std::string_view, std::string,
                                    std::string)>;

  /// @param option what problems call the list.
  /// @param credentials whoever is listed may use the user's cookies.
  /// @param any `*` is listed, which is left out here: no other entry adds anything.
  OriginListReader(std::string_view option, bool credentials, bool any, OriginSet& set,
                   Report report)
      : option_(option),
        credentials_(credentials),
        any_(any),
        set_(set),
        report_(std::move(report)) {}

  /// @param entries outlives this.
  void read(const std::vector<std::string>& entries);
  /// `null` was listed.
  [[nodiscard]] bool has_null() const noexcept { return has_null_; }
  /// Reports patterns of subdomains whose apex is not listed either. One pass for all patterns:
  /// looking for each apex in the list would be quadratic.
  void find_missing_apexes(const std::vector<std::string>& entries);
  /// Reports entries that a pattern covers.
  void find_swallowed_origins(const std::vector<std::string>& entries);

 private:
  void read_entry(const std::string& entry);
  void report(ProblemCode code, std::string_view entry, std::string message, std::string hint) {
    report_(code, option_, entry, std::move(message), std::move(hint));
  }

  std::string_view option_;
  bool credentials_;
  bool any_;
  bool has_null_ = false;
  OriginSet& set_;
  Report report_;
  std::vector<std::pair<const std::string*, OriginPattern>> patterns_;
};

}  // namespace corsac
