#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

/// Where browsers depart from the Fetch standard. Everything that judges takes an `Engine`, and the
/// default is none: the standard to the letter.
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
  /// Preflights remembered at once. The standard sets no limit; some limit there has to be.
  std::size_t preflight_cache_capacity = 1024;
  MaxAgeSyntax max_age_syntax = MaxAgeSyntax::kStandard;
  /// `Access-Control-Allow-Headers: *` covers Authorization, but not in the preflight cache.
  bool wildcard_covers_authorization = false;
  /// A preflight replaces what an earlier one for the same origin and URL allowed, and a request
  /// that is not covered erases it; and an `*` that was received with credentials stays an ordinary
  /// name in the cache.
  bool caches_one_answer = false;
  /// The cache modes no-store, reload and no-cache ask anew; no-store does not remember either.
  bool cache_modes_bypass_preflight_cache = false;
  bool caches_preflights_of_opaque_origins = true;
  /// Lines of the same name are joined before they are measured.
  bool joins_same_named_headers = false;
  /// Numbers of a Range beyond 64 bits are not safelisted.
  bool range_is_int64 = false;
  bool safelists_client_hints = false;
  /// A failed actual request leaves the preflight cache as it is.
  bool keeps_cache_after_failed_request = false;
  bool drops_user_agent = false;
  /// A streaming request body fails over HTTP/1.1, after the preflight.
  bool streams_need_http2 = false;
  /// A 401 that asks for a password opens a prompt, if the site is the page's own.
  bool prompts_for_passwords = false;
  /// Two ports of one IP address are different sites for Cross-Origin-Resource-Policy.
  bool ports_of_ip_address_are_sites = false;
  /// Of several refused headers the last in sorted order is named, not the first.
  bool names_last_refused_header = false;
  /// Equal Location lines are one, and an empty one is none; and the redirect mode "error" lets a
  /// redirect without a Location pass.
  bool lenient_location = false;
  /// A user name or password in a Location blocks in every mode, also to the page's own origin.
  bool blocks_all_redirect_userinfo = false;
  /// A referrer policy never makes the Origin of fetch() `null`.
  bool origin_ignores_referrer_policy = false;
  /// A redirected request that has to be begun anew (it needs a preflight, becomes cross-origin, or
  /// changes its method) forgets in Sec-Fetch-Site where it was before.
  bool restarts_redirected_requests = false;
  /// With mode no-cors every redirect to another origin makes the Origin `null`, also the one that
  /// leaves the page's own.
  bool nulls_origin_of_no_cors_redirects = false;
};

inline constexpr Engine kStandard{.name = "standard"};

/// The engine called `name`: "standard", "chromium" (156, recorded), "firefox" and "webkit" (read
/// from their sources, so only where those were looked at).
/// @return null if there is none.
[[nodiscard]] const Engine* find_engine(std::string_view name) noexcept;

}  // namespace corsac::browser
