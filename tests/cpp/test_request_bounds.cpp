#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "corsac/cors_protocol.hpp"
#include "corsac/guard.hpp"
#include "support.hpp"

/// What one request may cost whatever a client sends: the echo of Access-Control-Request-Headers,
/// bytes that are not even read, and no allocation.
namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

// Replaced for the whole test program, which is the only way to see an allocation in the core. The
// other forms of the operators call these, but for the one that does not throw under
// AddressSanitizer, whose runtime has its own. Not inlined, since half a pair in sight looks like a
// mismatch.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace corsac {
namespace testing {
/// For the other test files of the program: they declare it.
std::size_t allocation_count() { return allocations.load(); }
}  // namespace testing

namespace {

using testing::make_policy;
using testing::repeated;

constexpr std::string_view kOrigin = "https://example.com";

/// A policy that echoes what was asked for: `*` with credentials.
PolicyOptions echo_options() {
  PolicyOptions options;
  options.allow_origins = {"https://example.com", "https://*.sub.test", "http://localhost:*"};
  options.allow_methods = {"*"};
  options.allow_headers = {"*"};
  options.expose_headers = {"etag"};
  options.allow_credentials = true;
  options.guard = true;
  options.guard_options.isolate_reads = true;
  options.guard_options.trusted_origins = {"https://*.trusted.test"};
  return options;
}

class RequestBounds : public ::testing::Test {
 protected:
  static constexpr const char* kNone = "(not sent)";

  /// The value of one header in the answer to a preflight with these request-headers lines.
  std::string echo(const std::vector<std::string>& lines, std::string_view method = "PUT",
                   std::string_view header = "access-control-allow-headers") const {
    Request request("OPTIONS");
    request.add_header_line("origin", kOrigin);
    request.add_header_line("access-control-request-method", method);
    for (const std::string& line : lines) {
      request.add_header_line("access-control-request-headers", line);
    }
    const testing::Reply reply = testing::reply_to_preflight(*policy_, request);
    EXPECT_EQ(reply.status, 204);
    for (const auto& [name, value] : reply.headers) {
      if (name == header) return value;
    }
    return kNone;
  }

  std::string method_echo(std::string_view method) const {
    return echo({}, method, "access-control-allow-methods");
  }

  std::shared_ptr<const Policy> policy_ = make_policy(echo_options());
};

TEST_F(RequestBounds, RequestHeadersAreReadInAnyFormAndEchoedInOne) {
  EXPECT_EQ(echo({"x-a"}), "x-a");
  EXPECT_EQ(echo({"x-a,x-b"}), "x-a, x-b");
  EXPECT_EQ(echo({"X-B ,\tx-a", ",x-c,"}), "X-B, x-a, x-c");
  EXPECT_EQ(echo({"x-a,x-a"}), "x-a, x-a");
  EXPECT_EQ(echo({"authorization"}), "authorization");
  for (const std::vector<std::string>& lines :
       {std::vector<std::string>{}, {""}, {" \t"}, {","}, {"", ""}}) {
    EXPECT_EQ(echo(lines), kNone);
  }
}

TEST_F(RequestBounds, OneMemberThatIsNoTokenLeavesTheWholeEchoOut) {
  for (const std::string line : {"x y", "x-a,<script>", "x-a;q=1", "\"x-a\"",
                                 "x-a,\r\nset-cookie: a", "x-\xC3\xA9", "x-a, b c, x-d"}) {
    EXPECT_EQ(echo({line}), kNone) << line;
  }
  EXPECT_EQ(echo({std::string("x\0y", 3)}), kNone);
}

TEST_F(RequestBounds, SoManyValuesAreKeptAtMostWhateverTheLinesAreCalled) {
  constexpr std::size_t kLines = 200;
  const auto kept = [](const std::vector<std::string>& names) {
    Request request("OPTIONS");
    std::size_t count = 0;
    for (std::size_t i = 0; i < kLines; ++i) {
      for (const std::string& name : names)
        count += static_cast<std::size_t>(request.add_guarded_line(name, "x"));
    }
    return count;
  };
  const std::vector<std::string> known = {"origin",
                                          "access-control-request-method",
                                          "Access-Control-Request-Headers",
                                          "access-control-request-private-network",
                                          "sec-fetch-site",
                                          "host"};
  EXPECT_EQ(kept(known), Request::kMaxKeptValues);
  // Each name's length with another one's bytes.
  for (const std::string& name : known) {
    EXPECT_EQ(kept({repeated("x", name.size())}), 0U) << name;
    EXPECT_EQ(kept({"X" + name.substr(1), name.substr(1) + "X"}), 0U) << name;
  }
}

TEST_F(RequestBounds, RequestHeadersHaveALargestNumberOfLines) {
  EXPECT_NE(echo(std::vector<std::string>(kMaxRequestHeadersLines, "x-a")), kNone);
  EXPECT_EQ(echo(std::vector<std::string>(kMaxRequestHeadersLines + 1, "x-a")), kNone);
  EXPECT_EQ(echo(std::vector<std::string>(100'000, "x-a")), kNone);
}

TEST_F(RequestBounds, RequestHeadersHaveALargestNumberOfBytesInAllLinesTogether) {
  const std::string half = repeated(" ", kMaxRequestHeadersBytes / 2 - 3) + "x-a";
  ASSERT_EQ(half.size() * 2, kMaxRequestHeadersBytes);
  EXPECT_EQ(echo({half, half}), "x-a, x-a");
  EXPECT_EQ(echo({half, half + " "}), kNone);
  EXPECT_EQ(echo({half, half, " "}), kNone);
}

TEST_F(RequestBounds, RequestHeadersHaveALargestNumberOfEmptyMembers) {
  EXPECT_EQ(echo({repeated(",", kMaxEmptyMembers) + "x-a"}), "x-a");
  EXPECT_EQ(echo({repeated(",", kMaxEmptyMembers + 1) + "x-a"}), kNone);
  EXPECT_EQ(echo({repeated(" ,", kMaxEmptyMembers), "x-a"}), "x-a");
  EXPECT_EQ(echo({repeated(" ,", kMaxEmptyMembers), " ,x-a"}), kNone);
}

TEST_F(RequestBounds, AnEchoedHeaderListHasALongestLength) {
  const std::string longest = repeated("x", kMaxEchoedHeadersBytes);
  EXPECT_EQ(echo({longest}), longest);
  EXPECT_EQ(echo({longest + "x"}), kNone);
  // The separator is two bytes, however it was asked.
  const std::string tail = repeated("y", kMaxEchoedHeadersBytes - 5);
  EXPECT_EQ(echo({"x-a," + tail}), "x-a, " + tail);
  EXPECT_EQ(echo({"x-a," + tail + "y"}), kNone);
  EXPECT_EQ(echo({longest.substr(1) + ",x"}), kNone);
}

TEST_F(RequestBounds, AnEchoedMethodHasALongestLengthAndIsNoForbiddenOne) {
  EXPECT_EQ(method_echo("PURGE"), "PURGE");
  EXPECT_EQ(method_echo("patch"), "patch");
  const std::string longest = repeated("M", kMaxEchoedMethodLength);
  EXPECT_EQ(method_echo(longest), longest);
  EXPECT_EQ(method_echo(longest + "M"), kNone);
  for (const std::string_view method : {"TRACE", "connect", "Track"}) {
    EXPECT_EQ(method_echo(method), kNone) << method;
  }
}

TEST_F(RequestBounds, AMebibyteOfRequestHeadersIsNotEchoed) {
  for (const std::string_view part : {",", " ", "x", "x,", " ,", "\t"}) {
    EXPECT_EQ(echo({repeated(part, testing::kMebibyte / part.size())}), kNone) << part;
  }
}

TEST_F(RequestBounds, OverLongValuesAreNotRead) {
  const testing::UnreadableBytes bytes(testing::kMebibyte);
  EXPECT_EQ(policy_->allows_origin(bytes.view()), false);

  Request origin("OPTIONS");
  origin.add_header_line("origin", bytes.view());
  origin.add_header_line("access-control-request-method", "PUT");
  EXPECT_EQ(decide(*policy_, origin).refusal, Refusal::kOriginMalformed);

  Request method("OPTIONS");
  method.add_header_line("origin", kOrigin);
  method.add_header_line("access-control-request-method", bytes.view());
  EXPECT_EQ(decide(*policy_, method).refusal, Refusal::kRequestMethodMalformed);

  Request headers("OPTIONS");
  headers.add_header_line(bytes.view(), bytes.view());
  headers.add_header_line("origin", kOrigin);
  headers.add_header_line("access-control-request-method", "PUT");
  headers.add_header_line("access-control-request-headers", bytes.view());
  headers.add_header_line("access-control-request-private-network", bytes.view());
  EXPECT_EQ(testing::reply_to_preflight(*policy_, headers).status, 204);
  EXPECT_EQ(response_header_role(bytes.view()), ResponseHeaderRole::kOther);
}

TEST_F(RequestBounds, TheCounterSeesAllocations) {
  const std::size_t before = allocations.load();
  const auto number = std::make_unique<int>(1);
  EXPECT_EQ(allocations.load(), before + 1) << *number;
}

TEST_F(RequestBounds, NoRequestAllocates) {
  const std::string long_value = repeated("a", testing::kMebibyte);
  const std::string names = repeated("x-a,", 1000);
  const std::array<std::string_view, 9> origins = {kOrigin,
                                                   "https://a.b.sub.test",
                                                   "http://localhost:5173",
                                                   "https://evil.test",
                                                   "null",
                                                   "",
                                                   "a,b",
                                                   "https://a..sub.test",
                                                   long_value};
  const std::array<std::string_view, 4> asked = {"x-a,x-b", names, long_value, "not a token"};

  std::size_t allowed = 0;
  const std::size_t before = allocations.load();
  for (const std::string_view origin : origins) {
    allowed += policy_->origins().contains(origin) ? 1 : 0;
    for (const std::string_view headers : asked) {
      Request preflight("OPTIONS");
      preflight.add_header_line("Origin", origin);
      preflight.add_header_line("Access-Control-Request-Method", "PUT");
      preflight.add_header_line("Access-Control-Request-Headers", headers);
      Answer answer;
      answer_preflight(*policy_, preflight, decide(*policy_, preflight), answer);

      Request actual("POST");
      actual.add_header_line("Origin", origin);
      actual.add_guard_line("Host", headers);
      const Decision decision = decide(*policy_, actual);
      allowed += actual_headers(*policy_, origin, decision.allowed).size() > 0 ? 1 : 0;
      allowed += guard_request(*policy_, actual) == Refusal::kNone ? 1 : 0;
      allowed += guard_websocket(*policy_, actual) == Refusal::kNone ? 1 : 0;
    }
  }
  EXPECT_EQ(allocations.load(), before);
  EXPECT_EQ(allowed, 3U + 3U * asked.size() * 3U);
}

}  // namespace
}  // namespace corsac
