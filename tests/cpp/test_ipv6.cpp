#include <gtest/gtest.h>

#if __has_include(<arpa/inet.h>)
#include <arpa/inet.h>
#endif

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corsac/host.hpp"
#include "support.hpp"

/// IPv6 addresses as the URL standard reads and writes them.
namespace corsac {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(IPv6, AnAddressHasOneCanonicalForm) {
  const Pairs addresses = {
      {"::", "[::]"},
      {"::1", "[::1]"},
      {"1::", "[1::]"},
      {"0:0:0:0:0:0:0:0", "[::]"},
      {"2001:DB8::00a:0", "[2001:db8::a:0]"},
      {"1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]"},
      {"1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]"},
      {"::2:3:4:5:6:7:8", "[0:2:3:4:5:6:7:8]"},
      {"1:0:0:4:0:0:0:8", "[1:0:0:4::8]"},
      {"1:0:0:4:5:0:0:8", "[1::4:5:0:0:8]"},
      {"::ffff:192.0.2.1", "[::ffff:c000:201]"},
      {"1:2:3:4:5:6:255.255.255.255", "[1:2:3:4:5:6:ffff:ffff]"},
      {"64:ff9b::0.0.0.0", "[64:ff9b::]"},
  };
  for (const auto& [text, canonical] : addresses) {
    EXPECT_EQ(canonical_ipv6(text), canonical) << text;
    EXPECT_TRUE(is_ipv6_address(text)) << text;
  }
}

TEST(IPv6, WhatIsNoAddressIsRefused) {
  const std::vector<std::string> texts = {"",
                                          ":",
                                          ":::",
                                          "1",
                                          "1:",
                                          ":1",
                                          "1::2::3",
                                          "1:2:3:4:5:6:7",
                                          "1:2:3:4:5:6:7:8:9",
                                          "1::2:3:4:5:6:7:8",
                                          "1:2:3:4:5:6:7:8::",
                                          "12345::",
                                          "g::",
                                          "::%1",
                                          "::1%eth0",
                                          "[::1]",
                                          " ::1",
                                          "::1 ",
                                          "1.2.3.4",
                                          "::1.2.3",
                                          "::1.2.3.4.5",
                                          "::1.2.3.256",
                                          "::01.2.3.4",
                                          "::1.2.3.00",
                                          "::1.2.3.4:5",
                                          "1:2:3:4:5:6:7:1.2.3.4",
                                          "::.1.2.3",
                                          "::1..2.3",
                                          "::1.2.3.",
                                          "::1.2.3.0x4",
                                          "::+1",
                                          "::-1",
                                          "::0x1",
                                          "::1\n",
                                          std::string("::1\0", 4),
                                          std::string("::\0001", 4)};
  for (const std::string& text : texts) {
    EXPECT_EQ(canonical_ipv6(text), std::nullopt) << ::testing::PrintToString(text);
    EXPECT_FALSE(is_ipv6_address(text)) << ::testing::PrintToString(text);
  }
}

TEST(IPv6, ALongTextIsReadNoFurtherThanAnAddressReaches) {
  const testing::UnreadableBytes bytes(testing::kMebibyte);
  for (const std::string_view begin :
       {":", "::1.", "1:2:3:4:5:6:7:", "1234", "::255.255.255.000"}) {
    char* const start = bytes.readable() + testing::UnreadableBytes::kReadable - 64;
    std::fill(start, start + 64, '0');
    std::ranges::copy(begin, start);
    EXPECT_FALSE(is_ipv6_address({start, testing::kMebibyte})) << begin;
  }
}

#if __has_include(<arpa/inet.h>)
TEST(IPv6, TheSystemReadsTheSameAddresses) {
  std::mt19937 draw(1);
  const auto below = [&draw](std::size_t end) { return draw() % end; };
  const std::vector<std::string> parts = {"0",        "1",     "00",  "ffff", "F",
                                          "10000",    "g",     "255", "256",  "1.2.3.4",
                                          "01.2.3.4", "1.2.3", ".",   "%",    ""};
  int addresses = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text = below(4) == 0 ? "::" : "";
    const std::size_t count = below(10);
    for (std::size_t part = 0; part < count; ++part) {
      text += parts[below(below(3) == 0 ? parts.size() : 5)];
      text += below(6) == 0 ? "::" : part + 1 < count || below(20) == 0 ? ":" : "";
    }
    if (below(8) == 0 && !text.empty()) text[below(text.size())] = ":.0f% "[below(6)];
    std::array<unsigned char, 16> bytes{};
    const bool is_address = inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
    ASSERT_EQ(is_ipv6_address(text), is_address) << text;
    if (!is_address) continue;
    ++addresses;
    // The same address, whatever form it is read from.
    const std::string canonical = canonical_ipv6(text).value_or("[]");
    std::array<unsigned char, 16> again{};
    ASSERT_EQ(inet_pton(AF_INET6, canonical.substr(1, canonical.size() - 2).c_str(), again.data()),
              1)
        << text << ' ' << canonical;
    ASSERT_EQ(bytes, again) << text << ' ' << canonical;
  }
  EXPECT_GT(addresses, 10'000);
}
#endif

}  // namespace
}  // namespace corsac
