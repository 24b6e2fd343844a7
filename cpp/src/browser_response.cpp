#include "corsac/browser_response.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "corsac/ascii.hpp"
#include "corsac/fetch_names.hpp"
#include "corsac/header_names.hpp"

namespace corsac::browser {
namespace {

using namespace header_names;

constexpr std::string_view kWildcard = "*";

struct BlockRow {
  Block block;
  std::string_view code;
};

constexpr std::array kBlocks = {
    BlockRow{Block::kNone, ""},
    BlockRow{Block::kMissingAllowOrigin, "missing-allow-origin"},
    BlockRow{Block::kAllowOriginMismatch, "allow-origin-mismatch"},
    BlockRow{Block::kWildcardWithCredentials, "wildcard-with-credentials"},
    BlockRow{Block::kAllowCredentialsNotTrue, "allow-credentials-not-true"},
    BlockRow{Block::kStatusNotOk, "status-not-ok"},
    BlockRow{Block::kBadAllowMethods, "bad-allow-methods"},
    BlockRow{Block::kBadAllowHeaders, "bad-allow-headers"},
    BlockRow{Block::kMethodNotAllowed, "method-not-allowed"},
    BlockRow{Block::kAuthorizationNotListed, "authorization-not-listed"},
    BlockRow{Block::kHeaderNotAllowed, "header-not-allowed"},
};

consteval bool blocks_are_in_order() {
  for (std::size_t i = 0; i < kBlocks.size(); ++i) {
    if (static_cast<std::size_t>(kBlocks[i].block) != i) return false;
  }
  return true;
}
static_assert(blocks_are_in_order(), "rows are in the order of the enum");

bool method_is_allowed(const CorsRequest& request, const TokenList& methods) noexcept {
  // The flag stands for the method only if the server said nothing at all about methods.
  if (methods.state == TokenList::State::kAbsent && request.use_cors_preflight) return true;
  return methods.contains(request.method) || fetch::is_cors_safelisted_method(request.method) ||
         (!request.credentials_include && methods.contains(kWildcard));
}

bool sends_unlisted_authorization(const CorsRequest& request, const TokenList& names) noexcept {
  if (request.engine->wildcard_covers_authorization && !request.credentials_include &&
      names.contains(kWildcard)) {
    return false;
  }
  return std::ranges::any_of(request.headers, [&names](const Header& header) {
    return fetch::is_cors_non_wildcard_request_header_name(header.name) &&
           !names.contains_name("authorization");
  });
}

}  // namespace

std::string_view block_code(Block block) noexcept {
  return kBlocks[static_cast<std::size_t>(block)].code;
}

Block cors_check(std::string_view origin, bool credentials_include, HeaderList response_headers) {
  const std::optional<std::string> allowed = get(response_headers, kAllowOrigin);
  if (!allowed) return Block::kMissingAllowOrigin;
  if (!credentials_include && *allowed == kWildcard) return Block::kNone;
  if (*allowed != origin) {
    return *allowed == kWildcard ? Block::kWildcardWithCredentials : Block::kAllowOriginMismatch;
  }
  if (!credentials_include || get(response_headers, kAllowCredentials) == "true") {
    return Block::kNone;
  }
  return Block::kAllowCredentialsNotTrue;
}

std::string PreflightVerdict::code() const {
  return block == Block::kNone ? std::string() : "preflight:" + std::string(block_code(block));
}

PreflightVerdict preflight_check(const CorsRequest& request, int status,
                                 HeaderList response_headers) {
  // Preflights never follow a redirect, so what its headers say is not looked at.
  if (is_redirect_status(status)) return {Block::kStatusNotOk, {}};
  const Block failed_cors_check =
      cors_check(request.origin, request.credentials_include, response_headers);
  if (failed_cors_check != Block::kNone) return {failed_cors_check, {}};
  if (status < 200 || status > 299) return {Block::kStatusNotOk, {}};

  // A list that cannot be read blocks even a request that does not need it.
  const TokenList methods = extract_token_list(response_headers, kAllowMethods);
  if (methods.state == TokenList::State::kFailure) return {Block::kBadAllowMethods, {}};
  const TokenList names = extract_token_list(response_headers, kAllowHeaders);
  if (names.state == TokenList::State::kFailure) return {Block::kBadAllowHeaders, {}};

  if (!method_is_allowed(request, methods)) return {Block::kMethodNotAllowed, {}};
  const bool wildcard = !request.credentials_include && names.contains(kWildcard);
  if (sends_unlisted_authorization(request, names)) return {Block::kAuthorizationNotListed, {}};
  if (wildcard) return {};
  std::vector<std::string> wanted =
      cors_unsafe_request_header_names(request.headers, *request.engine);
  if (request.engine->names_last_refused_header) std::ranges::reverse(wanted);
  for (std::string& name : wanted) {
    if (!names.contains_name(name)) return {Block::kHeaderNotAllowed, std::move(name)};
  }
  return {};
}

std::vector<std::string> readable_header_names(bool credentials_include,
                                               HeaderList response_headers) {
  const TokenList exposed = extract_token_list(response_headers, kExposeHeaders);
  if (!credentials_include && exposed.contains(kWildcard)) {
    return basic_readable_header_names(response_headers);
  }
  std::vector<std::string> listed;
  listed.reserve(exposed.members.size());
  for (const std::string_view member : exposed.members) listed.push_back(byte_lowercase(member));
  sort_and_unique(listed);
  std::vector<std::string> readable;
  for (std::string& name : basic_readable_header_names(response_headers)) {
    if (fetch::is_cors_safelisted_response_header_name(name) ||
        std::ranges::binary_search(listed, name)) {
      readable.push_back(std::move(name));
    }
  }
  return readable;
}

std::vector<std::string> basic_readable_header_names(HeaderList response_headers) {
  std::vector<std::string> readable;
  for (const Header& header : response_headers) {
    if (fetch::is_forbidden_response_header_name(header.name)) continue;
    readable.push_back(byte_lowercase(header.name));
  }
  sort_and_unique(readable);
  return readable;
}

bool resource_policy_blocks(const Relation& relation, EmbedderPolicy embedder,
                            bool includes_credentials, HeaderList response_headers) {
  std::string policy = get(response_headers, kResourcePolicy).value_or("");
  if (policy != "same-origin" && policy != "same-site" && policy != "cross-origin") {
    // Nothing, or nothing that can be read: the embedder policy decides.
    const bool corp_required =
        embedder == EmbedderPolicy::kRequireCorp ||
        (embedder == EmbedderPolicy::kCredentialless && includes_credentials);
    policy = corp_required ? "same-origin" : "cross-origin";
  }
  if (policy == "cross-origin") return false;
  if (policy == "same-origin") return !relation.same_origin;
  return !(relation.same_site && (relation.page_is_https || !relation.response_is_https));
}

Location redirect_location(HeaderList response_headers, const Engine& engine) {
  std::optional<std::string_view> location;
  for (const Header& header : response_headers) {
    if (!ascii::equals_lowercased(header.name, kLocation)) continue;
    const std::string_view value = ascii::trim_tab_or_space(header.value);
    if (engine.lenient_location && value.empty()) continue;
    if (location && !(engine.lenient_location && *location == value)) {
      return {Location::State::kFailure, {}};
    }
    location = value;
  }
  if (!location) return {};
  return {Location::State::kPresent, *location};
}

bool asks_for_password(int status, HeaderList response_headers) {
  if (status != 401) return false;
  constexpr std::array schemes = {std::string_view("basic"), std::string_view("digest"),
                                  std::string_view("negotiate"), std::string_view("ntlm")};
  return std::ranges::any_of(response_headers, [&schemes](const Header& header) {
    if (!ascii::equals_lowercased(header.name, kAuthenticate)) return false;
    const std::string_view value = ascii::trim_tab_or_space(header.value);
    const std::string_view scheme = value.substr(0, value.find_first_of(" \t,"));
    return std::ranges::any_of(schemes, [scheme](std::string_view lower) {
      return ascii::equals_lowercased(scheme, lower);
    });
  });
}

}  // namespace corsac::browser
