// The conformance cases of the guard through the core's own interface.

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "conformance.hpp"
#include "corsac/guard.hpp"

namespace corsac::conformance {
namespace {

std::string run_all(const json& /*data*/) { return ""; }

const CaseFile& guard_cases() {
  static const CaseFile kFile = read_cases("guard.json", run_all);
  return kFile;
}

PolicyOptions read_guarded(const json& config) {
  PolicyOptions options;
  options.guard = true;
  for (const auto& [name, value] : config.items()) {
    if (name == "allow_origins") {
      append_all(options.allow_origins, value);
    } else if (name == "allow_credentials") {
      options.allow_credentials = value;
    } else if (name == "trusted_origins") {
      append_all(options.guard_options.trusted_origins, value);
    } else if (name == "exempt_paths") {
      append_all(options.guard_options.exempt_paths, value);
    } else if (name == "isolate_reads") {
      options.guard_options.isolate_reads = value;
    } else if (name == "writes") {
      options.guard_options.writes = value;
    } else {
      throw std::runtime_error("no option of a guard: " + name);
    }
  }
  return options;
}

class GuardConformance : public ::testing::TestWithParam<Case> {};

TEST_P(GuardConformance, IsJudgedAsExpected) {
  const json& data = GetParam().data;
  const auto policy = testing::make_policy(read_guarded(data.at("config")));
  const json& sent = data.at("request");
  const std::string method = sent.at("method");
  const Headers headers = read_headers(sent.at("headers"));
  Request request(method);
  request.set_server_scheme(sent.at("scheme").get<std::string>());
  for (const auto& [name, value] : headers) request.add_guarded_line(name, value);

  const bool is_handshake = sent.at("kind") == "websocket";
  const bool exempt = policy->guard_rules().is_exempt(sent.at("path").get<std::string>());
  Refusal refusal =
      is_handshake ? guard_websocket(*policy, request) : guard_request(*policy, request);
  if (exempt) refusal = Refusal::kNone;
  EXPECT_EQ(reason_code(refusal), data.value("reason", ""));
  EXPECT_EQ(refusal == Refusal::kNone, data.at("verdict") == "allow");
  if (!data.contains("vary")) return;

  std::set<std::string> vary;
  std::string_view rest = policy->vary(!exempt && is_isolated(*policy, request));
  while (!rest.empty()) vary.emplace(ascii::take_list_member(rest));
  EXPECT_EQ(json(vary), json(data.at("vary").get<std::set<std::string>>()));
}

std::string test_name(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.id;
  for (char& byte : name) {
    if (byte == '-') byte = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, GuardConformance, ::testing::ValuesIn(guard_cases().to_run()),
                         test_name);

TEST(GuardConformanceFile, HasAllCases) {
  EXPECT_EQ(guard_cases().error, "");
  EXPECT_EQ(guard_cases().cases.size(), 139U);
}

}  // namespace
}  // namespace corsac::conformance
