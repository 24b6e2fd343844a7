#pragma once

#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "corsac/cors_protocol.hpp"
#include "corsac/origin.hpp"
#include "corsac/policy.hpp"
#include "support.hpp"

/// Reads the conformance cases of tests/conformance, data that knows nothing of Corsac, and says
/// what they mean to the core. What is not understood throws: nothing is passed over in silence.
namespace corsac::conformance {

using nlohmann::json;
using testing::Headers;

struct Case {
  std::string id;
  std::string left_out;  ///< Why it is not run here; empty if it is.
  json data;

  friend std::ostream& operator<<(std::ostream& out, const Case& which) { return out << which.id; }
};

struct CaseFile {
  std::vector<Case> cases;
  std::string error;  ///< Why the file could not be read; empty if it could.

  [[nodiscard]] std::vector<Case> to_run() const {
    std::vector<Case> run;
    for (const Case& each : cases) {
      if (each.left_out.empty()) run.push_back(each);
    }
    return run;
  }

  /// How many cases there are for each reason to leave one out; those that run have none.
  [[nodiscard]] std::map<std::string, int> counts() const {
    std::map<std::string, int> result;
    for (const Case& each : cases) ++result[each.left_out];
    return result;
  }
};

/// The cases of one file in order. Called before any test runs, so errors are kept for a test.
inline CaseFile read_cases(const std::string& name, std::string (*reason_left_out)(const json&)) {
  CaseFile file;
  try {
    std::ifstream stream(CORSAC_CONFORMANCE_CASES "/" + name);
    if (!stream) throw std::runtime_error("it cannot be opened");
    const json content = json::parse(stream);
    for (const json& data : content.at("cases")) {
      file.cases.push_back({data.at("id"), reason_left_out(data), data});
    }
  } catch (const std::exception& exception) {
    file = {{}, name + ": " + exception.what()};
  }
  return file;
}

/// What decides about origins outside the core; in this test a stand-in for Python's part.
using OriginFunction = std::function<bool(std::string_view)>;

struct Configuration {
  PolicyOptions options;
  OriginFunction allows_origin;  ///< Asked about origins that are not listed; may be empty.
};

inline OriginFunction read_predicate(const std::string& recipe) {
  const std::size_t colon = recipe.find(':');
  const std::string kind = recipe.substr(0, colon);
  // What raises allows nothing.
  if (kind == "raise") return [](std::string_view) { return false; };
  if (kind != "endswith") throw std::runtime_error("unknown predicate " + recipe);
  return
      [end = recipe.substr(colon + 1)](std::string_view origin) { return origin.ends_with(end); };
}

inline OriginFunction read_regex(const std::string& pattern) {
  return [regex = std::regex(pattern)](std::string_view origin) {
    return std::regex_match(origin.begin(), origin.end(), regex);
  };
}

inline void append_all(std::vector<std::string>& list, const json& entries) {
  for (const json& entry : entries) list.push_back(entry);
}

/// The options of the policy that a case's configuration means.
inline Configuration read_configuration(const json& config) {
  Configuration result;
  PolicyOptions& options = result.options;
  options.max_age.reset();
  for (const auto& [name, value] : config.items()) {
    if (name == "origins" || name == "trusted_origins") {
      append_all(options.allow_origins, value);
    } else if (name == "methods") {
      append_all(options.allow_methods, value);
    } else if (name == "request_headers") {
      append_all(options.allow_headers, value);
    } else if (name == "expose_headers") {
      append_all(options.expose_headers, value);
    } else if (name == "credentials") {
      options.allow_credentials = value;
    } else if (name == "preflight_success_status") {
      options.preflight_status = value;
    } else if (name == "preflight_continue") {
      options.preflight_continue = value;
    } else if (name == "allow_timing") {
      options.allow_timing = value;
    } else if (name == "always_send") {
      options.always_send = value;
    } else if (name == "allow_private_network") {
      options.allow_private_network = value;
    } else if (name == "max_age") {
      options.max_age = value.get<std::int64_t>();
    } else if (name == "allow_null_origin" && value == true) {
      options.allow_origins.emplace_back(kNullOrigin);
      options.tolerate.emplace_back("origin.null");
    } else if (name == "profile" && (value == "cross_origin_guard" || value == "websocket")) {
      options.guard = true;
    } else if (name == "predicate") {
      result.allows_origin = read_predicate(value);
    } else if (name == "origin_regexes" && value.size() == 1) {
      result.allows_origin = read_regex(value.front());
    } else {
      throw std::runtime_error("no option of Corsac for " + name + ": " + value.dump());
    }
  }
  options.asks_about_origins = static_cast<bool>(result.allows_origin);
  return result;
}

/// The members of `{"format": "x-%05d", "count": 3, "separator": ","}`; no other format is known.
inline std::string expand_sequence(const json& recipe) {
  if (recipe.at("format") != "x-%05d") throw std::runtime_error("unknown format " + recipe.dump());
  std::string text;
  for (int index = 0; index < recipe.at("count").get<int>(); ++index) {
    const std::string digits = std::to_string(index);
    if (index > 0) text += recipe.at("separator").get<std::string_view>();
    text += "x-" + std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
  }
  return text;
}

/// A header's value, which a case may give as a recipe for a long one.
inline std::string header_text(const json& value) {
  if (value.is_string()) {
    std::string text = value;
    // Values are latin-1, and the file is UTF-8: the two are the same only for ASCII.
    for (const char byte : text) {
      if (static_cast<unsigned char>(byte) > 0x7F) throw std::runtime_error("not ASCII: " + text);
    }
    return text;
  }
  if (value.contains("sequence")) return expand_sequence(value.at("sequence"));
  std::string text;
  for (const json& part : value.at("concat")) {
    text += testing::repeated(part.at(0).get<std::string_view>(), part.at(1));
  }
  return text;
}

inline Headers read_headers(const json& lines) {
  Headers headers;
  for (const json& line : lines) {
    headers.emplace_back(line.at(0).get<std::string>(), header_text(line.at(1)));
  }
  return headers;
}

/// The request of a case, as owned text.
struct SentRequest {
  explicit SentRequest(const json& data)
      : method(data.at("request").at("method")),
        scheme(data.at("request").value("scheme", "http")),
        headers(read_headers(data.at("request").at("headers"))) {}

  /// Views into this object.
  [[nodiscard]] Request view() const {
    Request request(method);
    request.set_server_scheme(scheme);
    for (const auto& [name, value] : headers) request.add_guarded_line(name, value);
    return request;
  }

  std::string method;
  std::string scheme;
  Headers headers;
};

/// What the application of a case answers with.
struct AppResponse {
  explicit AppResponse(const json& data) {
    if (!data.contains("app")) return;
    const json& app = data.at("app");
    status = app.value("status", status);
    headers = read_headers(app.value("headers", json::array()));
  }

  int status = 200;
  Headers headers;
};

}  // namespace corsac::conformance
