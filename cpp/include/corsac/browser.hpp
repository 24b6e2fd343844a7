#pragma once

/// The browser's half of the CORS protocol, as the Fetch standard writes it: what becomes of a
/// request before it leaves, whether it needs a preflight, whether an answer lets it through, and
/// what a script may then read.
///
/// Pure functions over views, for tools that predict or explain a browser. They are off a server's
/// request path, so they may allocate. Deliberately not here: the order in which they are applied
/// ("main fetch", "HTTP fetch"), which is Python's, since a network comes in between.
#include "corsac/browser_engine.hpp"    // IWYU pragma: export
#include "corsac/browser_headers.hpp"   // IWYU pragma: export
#include "corsac/browser_request.hpp"   // IWYU pragma: export
#include "corsac/browser_response.hpp"  // IWYU pragma: export
#include "corsac/preflight_cache.hpp"   // IWYU pragma: export
