#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "conformance.hpp"
#include "corsac/host_set.hpp"
#include "fuzz/naive.hpp"
#include "support.hpp"

namespace corsac {
namespace {

using conformance::json;
using testing::host_of_length;
using testing::repeated;

std::string no_reason(const json& /*data*/) { return {}; }

const conformance::CaseFile& cases() {
  static const conformance::CaseFile file = conformance::read_cases("hosts.json", no_reason);
  return file;
}

std::string line_of(const json& value) {
  // JSON has the code points of latin-1, a request their bytes.
  const std::string utf8 =
      value.is_string() ? value.get<std::string>() : conformance::header_text(value);
  std::string bytes;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    bytes += byte < 0x80 ? utf8[i]
                         : static_cast<char>((byte & 0x03U) << 6U |
                                             (static_cast<unsigned char>(utf8[++i]) & 0x3FU));
  }
  return bytes;
}

class HostCases : public ::testing::TestWithParam<conformance::Case> {};

TEST_P(HostCases, AreServedAsTheyExpectByTheSetAndByANaiveMatcher) {
  const json& data = GetParam().data;
  const auto entries = data.at("config").at("allowed_hosts").get<std::vector<std::string>>();
  const HostSetBuild build = build_host_set(entries);
  ASSERT_NE(build.hosts, nullptr);
  naive::Strings lines;
  for (const json& line : data.at("request").at("host")) lines.push_back(line_of(line));
  const json& reason = data.at("expect").at("reason");
  const std::string wanted = reason.is_null() ? "" : reason.get<std::string>();
  const std::string_view first = lines.empty() ? std::string_view() : lines[0];
  EXPECT_EQ(reason_code(build.hosts->check(lines.size(), first)), wanted) << data.at("title");
  EXPECT_EQ(naive::host_refusal(entries, lines), wanted) << data.at("title");
}

INSTANTIATE_TEST_SUITE_P(Hosts, HostCases, ::testing::ValuesIn(cases().to_run()),
                         [](const auto& each) {
                           std::string name = each.param.id;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(HostCases, CanBeRead) {
  EXPECT_EQ(cases().error, "");
  EXPECT_GT(cases().cases.size(), 80U);
}

std::string code_of(const std::string& entry) {
  const HostSetBuild build = build_host_set({entry});
  if (build.problems.empty()) return "";
  return std::string(code_name(build.problems[0].code)) + ": " + build.problems[0].hint;
}

TEST(HostEntries, SayWhatToWriteInstead) {
  EXPECT_EQ(code_of("https://API.example.com/x"),
            "host.invalid: did you mean \"api.example.com\"?");
  EXPECT_EQ(code_of("  api.example.com "), "host.invalid: did you mean \"api.example.com\"?");
  EXPECT_EQ(code_of(".example.com"), "host.invalid: write [\"example.com\", \"*.example.com\"]");
  EXPECT_EQ(code_of("*example.com"), "host.invalid: did you mean \"*.example.com\"?");
  EXPECT_EQ(code_of("[2001:DB8::01]:0080"),
            "host.non_canonical_ip: did you mean \"[2001:db8::1]:80\"?");
  EXPECT_TRUE(code_of("  ").starts_with("host.invalid: write a name or address"));
  EXPECT_EQ(code_of("127.1:8000"), "host.non_canonical_ip: did you mean \"127.0.0.1:8000\"?");
  EXPECT_EQ(code_of("*"), "host.invalid: leave allowed_hosts out");
  EXPECT_TRUE(code_of(".").starts_with("host.invalid: write a name or address"));
  EXPECT_TRUE(code_of("^example.com").starts_with("host.invalid: write a name or address"));
  EXPECT_TRUE(code_of("api.*.example.com").starts_with("host.invalid: write a name or address"));
}

std::string message_of(const std::string& entry) {
  const HostSetBuild build = build_host_set({entry});
  return build.problems.empty() ? "" : build.problems[0].message;
}

TEST(HostEntries, ThatAreMuchTooLongGetNoSuggestion) {
  const std::string longest = "a.test/" + repeated("a", 2 * kMaxHostHeaderLength - 7);
  EXPECT_EQ(code_of(longest), "host.invalid: did you mean \"a.test\"?");
  EXPECT_TRUE(code_of(longest + 'a').starts_with("host.invalid: write a name or address"));
}

TEST(HostEntries, SayThatAnIpv6AddressNeedsBrackets) {
  EXPECT_EQ(message_of("fe80::1"), "an IPv6 address is written in brackets");
  EXPECT_EQ(message_of("::1"), "an IPv6 address is written in brackets");
}

TEST(HostEntries, MayBeAsLongAsAHostHeader) {
  const std::string longest = host_of_length(kMaxHostLength) + ".:65535";
  ASSERT_EQ(longest.size(), kMaxHostHeaderLength);
  EXPECT_EQ(message_of(longest), "");
  EXPECT_EQ(message_of(longest + '1'), "the entry is longer than 260 bytes");
  EXPECT_EQ(message_of(host_of_length(kMaxHostLength + 1)), "the host is longer than 253 bytes");
  EXPECT_EQ(message_of("*." + host_of_length(kMaxHostLength - 2)), "");
  EXPECT_EQ(message_of("*." + host_of_length(kMaxHostLength - 1)),
            "the host is longer than 253 bytes");
}

TEST(HostEntries, AreAllCheckedAtOnceInTheirOrder) {
  const HostSetBuild build = build_host_set(
      {"A.test", "b.test", "b.test", "c.test/", "*.d.test", "e.d.test", "e.d.test:1"});
  EXPECT_EQ(build.hosts, nullptr);
  std::vector<std::string> values;
  for (const ConfigProblem& problem : build.problems) values.push_back(problem.value);
  EXPECT_EQ(values,
            (std::vector<std::string>{"A.test", "b.test", "c.test/", "e.d.test", "e.d.test:1"}));
}

TEST(HostSets, ReadNothingBehindAHost) {
  const HostSetBuild build = build_host_set({"example.com"});
  ASSERT_NE(build.hosts, nullptr);
  const std::string_view text = "a%41";
  EXPECT_EQ(build.hosts->check(1, text), Refusal::kHostNotAllowed);
  for (const std::size_t size : {std::size_t{2}, std::size_t{3}}) {
    EXPECT_EQ(build.hosts->check(1, text.substr(0, size)), Refusal::kHostMalformed) << size;
  }
}

TEST(HostSets, ServeEachOfManyNamesWithAndWithoutItsPort) {
  std::vector<std::string> entries;
  for (int i = 0; i < 12; ++i) entries.push_back("a" + std::to_string(i) + ".example");
  for (int i = 0; i < 12; ++i) entries.push_back("b" + std::to_string(i) + ".example:8443");
  for (int i = 0; i < 12; ++i) entries.push_back("c" + std::to_string(i) + ".example:443");
  // What is looked at first is one list or another.
  for (int turn = 0; turn < 3; ++turn) {
    std::ranges::rotate(entries, entries.begin() + 12);
    const HostSetBuild build = build_host_set(entries);
    ASSERT_NE(build.hosts, nullptr);
    const auto served = [&build](const std::string& host) {
      return build.hosts->check(1, host) == Refusal::kNone;
    };
    for (int i = 0; i < 12; ++i) {
      const std::string name = std::to_string(i) + ".example";
      for (const std::string& host :
           {"a" + name, "A" + name, "a" + name + ":1", "b" + name + ":8443", "c" + name, "C" + name,
            "c" + name + ":443"}) {
        EXPECT_TRUE(served(host)) << host;
        EXPECT_EQ(build.hosts->check(2, host), Refusal::kHostMalformed) << host;
        EXPECT_EQ(build.hosts->check(0, host), Refusal::kHostMalformed) << host;
      }
      for (const std::string& host :
           {"b" + name, "b" + name + ":443", "c" + name + ":8443", "b" + name + ":8443."}) {
        EXPECT_FALSE(served(host)) << host;
      }
    }
  }
}

TEST(HostSets, AgreeWithANaiveMatcherOnNearMisses) {
  const naive::Strings entries = {
      "example.com", "api.example.com:8443", "*.sub.test",    "*.b.sub.test:81", "localhost",
      "127.0.0.1",   "[::1]:3000",           "[2001:db8::1]", "dot.test.",       "*.x_y.test:443",
      "*.dot.test."};
  const HostSetBuild build = build_host_set(entries);
  ASSERT_NE(build.hosts, nullptr);
  const std::vector<std::string> hosts = {"example.com",
                                          "api.example.com",
                                          "sub.test",
                                          "a.sub.test",
                                          "a.b.sub.test",
                                          "b.sub.test",
                                          "localhost",
                                          "127.0.0.1",
                                          "[::1]",
                                          "[2001:db8::1]",
                                          "dot.test.",
                                          "dot.test",
                                          "c.dot.test.",
                                          "A.Sub.Test",
                                          "a.x_y.test",
                                          ".sub.test",
                                          "a..sub.test",
                                          "-.sub.test",
                                          "a%41.sub.test",
                                          "127.1",
                                          "[0:0:0:0:0:0:0:1]",
                                          "[::ffff:1.2.3.4]",
                                          "",
                                          "[]",
                                          "evil",
                                          "EXAMPLE.COM"};
  const std::vector<std::string> ports = {"",       "",      ":80", ":443",   ":81",
                                          ":8443",  ":3000", ":",   ":0",     ":65535",
                                          ":65536", ":0081", ":x",  ":8443x", ":-1"};
  std::mt19937 engine(1);
  std::size_t served = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string line = hosts[engine() % hosts.size()] + ports[engine() % ports.size()];
    if (engine() % 4 == 0 && !line.empty()) {
      constexpr std::string_view kBytes = ".:[]*%@/,-aA0_ \xE4";
      const std::size_t at = engine() % line.size();
      if (engine() % 2 == 0)
        line.insert(at, 1, kBytes[engine() % kBytes.size()]);
      else
        line[at] = kBytes[engine() % kBytes.size()];
    }
    const Refusal refusal = build.hosts->check(1, line);
    ASSERT_EQ(reason_code(refusal), naive::host_refusal(entries, {line})) << line;
    served += refusal == Refusal::kNone ? 1 : 0;
  }
  EXPECT_GT(served, 1000U);
}

}  // namespace
}  // namespace corsac
