#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

/// Where browsers depart from the Fetch standard in judging one header. Everything that judges
/// takes an `Engine`, and the default is none: the standard to the letter. What a fetch does
/// otherwise is not the core's.
namespace corsac::browser {

/// How Access-Control-Max-Age is read.
enum class MaxAgeSyntax : std::uint8_t {
  kStandard,         ///< 1*DIGIT on one line, else the default of 5 s.
  kSignedInt64,      ///< Chromium: also a sign; what is negative is 0, what does not fit is 5 s.
  kDigitsOrNothing,  ///< Gecko: what is there but not all digits is not cached at all.
};

/// One browser engine as a list of its deviations.
struct Engine {
  std::string_view name;
  std::int64_t max_age_cap = std::numeric_limits<std::int64_t>::max();  ///< In seconds.
  MaxAgeSyntax max_age_syntax = MaxAgeSyntax::kStandard;
  /// `Access-Control-Allow-Headers: *` covers Authorization, but not in the preflight cache.
  bool wildcard_covers_authorization = false;
  /// A preflight replaces what an earlier one for the same origin and URL allowed, and a request
  /// that is not covered erases it; and an `*` that was received with credentials stays an ordinary
  /// name in the cache.
  bool caches_one_answer = false;
  bool caches_preflights_of_opaque_origins = true;
  /// Lines of the same name are joined before they are measured.
  bool joins_same_named_headers = false;
  /// Numbers of a Range beyond 64 bits are not safelisted.
  bool range_is_int64 = false;
  bool safelists_client_hints = false;
  bool drops_user_agent = false;
  /// Of several refused headers the last in sorted order is named, not the first.
  bool names_last_refused_header = false;
  /// Equal Location lines are one, and an empty one is none.
  bool lenient_location = false;
  /// A referrer policy never makes the Origin of fetch() `null`.
  bool origin_ignores_referrer_policy = false;
};

inline constexpr Engine kStandard{.name = "standard"};

/// The engine called `name`: "standard", "chromium" (156, recorded), "firefox" and "webkit" (read
/// from their sources, so only where those were looked at).
/// @return null if there is none.
[[nodiscard]] const Engine* find_engine(std::string_view name) noexcept;

}  // namespace corsac::browser
