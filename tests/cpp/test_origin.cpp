#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "corsac/ascii.hpp"
#include "corsac/origin.hpp"
#include "support.hpp"

namespace corsac {
namespace {

using testing::host_of_length;
using testing::repeated;

/// The pattern of an entry that must be valid.
OriginPattern pattern_of(const std::string& entry) {
  auto result = parse_origin_pattern(entry);
  if (const auto* error = std::get_if<OriginError>(&result)) {
    ADD_FAILURE() << entry << ": " << error->message;
    return {};
  }
  return std::get<OriginPattern>(result);
}

/// The code and the suggestion of an entry that must be invalid.
OriginError error_of(const std::string& entry) {
  auto result = parse_origin_pattern(entry);
  if (const auto* error = std::get_if<OriginError>(&result)) {
    EXPECT_NE(error->message, "") << entry;
    return *error;
  }
  ADD_FAILURE() << entry << " was accepted";
  return {};
}

bool is_valid(const std::string& entry) {
  return std::holds_alternative<OriginPattern>(parse_origin_pattern(entry));
}

TEST(Origin, TakesAnExactOriginApart) {
  const OriginPattern pattern = pattern_of("https://app.example.com:8443");
  EXPECT_EQ(pattern.scheme, "https");
  EXPECT_EQ(pattern.host, "app.example.com");
  EXPECT_EQ(pattern.port, 8443);
  EXPECT_TRUE(pattern.is_exact());
  EXPECT_FALSE(pattern.is_ip_address);
  EXPECT_EQ(pattern_of("https://example.com").port, std::nullopt);
}

TEST(Origin, TakesAPatternApart) {
  const OriginPattern pattern = pattern_of("https://*.example.com:*");
  EXPECT_EQ(pattern.host, "example.com");
  EXPECT_TRUE(pattern.subdomains);
  EXPECT_TRUE(pattern.any_port);
  EXPECT_EQ(pattern.port, std::nullopt);
  EXPECT_FALSE(pattern.is_exact());
  EXPECT_FALSE(pattern_of("http://localhost:*").subdomains);
  EXPECT_FALSE(pattern_of("https://*.example.com").any_port);
  EXPECT_EQ(pattern_of("https://*.example.com:8443").port, 8443);
}

TEST(Origin, AcceptsWhatBrowsersSend) {
  for (const std::string entry : {"http://localhost",
                                  "http://localhost:5173",
                                  "https://example.com.",
                                  "https://foo_bar.test",
                                  "https://xn--bcher-kva.test",
                                  "https://a.1b",
                                  "https://user-.github.io",
                                  "https://-.-a.a--b._.test",
                                  "https://a.0b",
                                  "https://-1",
                                  "https://10.0.0.1",
                                  "http://0.0.0.0:1",
                                  "http://255.255.255.255",
                                  "http://[::1]:3000",
                                  "https://[2001:db8::1]",
                                  "chrome-extension://abcdefghijklmnop",
                                  "capacitor://localhost",
                                  "web+app://x",
                                  "http://example.com:443",
                                  "https://example.com:80",
                                  "https://example.com:65535",
                                  "app://example.com:80",
                                  "ftp://example.com",
                                  "http://[::1]:*",
                                  "http://127.0.0.1:*"}) {
    EXPECT_TRUE(is_valid(entry)) << entry;
  }
}

TEST(Origin, RefusesWhatIsNoOrigin) {
  for (const std::string entry :
       {"", " ", "example.com", "//example.com", "https:/example.com", "https:example.com",
        "://example.com", "https://", "https://:8080", "null://", "https//example.com"}) {
    EXPECT_EQ(error_of(entry).code, ProblemCode::kOriginInvalid) << entry;
  }
}

TEST(Origin, RefusesAPathAfterTheHost) {
  for (const std::string entry :
       {"https://example.com/", "https://example.com/a", "https://example.com?x", "https://[::1]/",
        "https://example.com#x", "https://example.com\\", "https://example.com:8443/"}) {
    EXPECT_EQ(error_of(entry).code, ProblemCode::kOriginInvalid) << entry;
  }
}

TEST(Origin, RefusesUserNamesWhiteSpaceAndJoinedLists) {
  for (const std::string entry :
       {"https://u@example.com", "https://u:p@example.com", "https://example.com ",
        " https://example.com", "https://example.com\n", "https://exam\tple.com",
        "https://a.test,https://b.test", "https://a.test; https://b.test", "https://a.test,"}) {
    EXPECT_EQ(error_of(entry).code, ProblemCode::kOriginInvalid) << entry;
  }
  EXPECT_FALSE(is_valid(std::string("https://example.com\0", 20)));
  EXPECT_FALSE(is_valid(std::string("https://exa\0mple.com", 20)));
  EXPECT_FALSE(is_valid(std::string("http://[::1\0]", 13)));
}

TEST(Origin, ASchemeIsLowerCaseAndStartsWithALetter) {
  for (const std::string scheme :
       {"", "HTTPS", "httpS", "1http", "+a", "ht tp", "a_b", "http*", "*", "\xC3\xA9"}) {
    EXPECT_EQ(error_of(scheme + "://example.com").code, ProblemCode::kOriginInvalid) << scheme;
  }
  EXPECT_TRUE(is_valid("a1+-.://example.com"));
  // Pages opened from files have the origin null.
  EXPECT_EQ(error_of("file://host").code, ProblemCode::kOriginInvalid);
}

TEST(Origin, AHostIsMadeOfLowerCaseLabels) {
  for (const std::string host : {"Example.com",
                                 "b\xC3\xBC"
                                 "cher.test",
                                 "a..b",
                                 ".example.com",
                                 "example.com..",
                                 ".",
                                 "..",
                                 "a%41.test",
                                 "exa mple",
                                 "a\x7F.test",
                                 "a!b",
                                 "a.test$",
                                 "a.test\"",
                                 "a.test'",
                                 "(a).test",
                                 "${HOST}",
                                 "{host}.test",
                                 "a;b.test",
                                 "a+.test",
                                 "a~b",
                                 "[example]",
                                 "ex[ample",
                                 "example]"}) {
    EXPECT_EQ(error_of("https://" + host).code, ProblemCode::kOriginInvalid) << host;
  }
}

TEST(Origin, AHostOutsideOfTheWebIsItsBytes) {
  for (const std::string host :
       {"-", ".", "..", "a..b", "A", "127.1", "1.2.3.4.", "a.0x", "%41", "%", "a$b", "a;b",
        "a!\"'`", "{a}", "a=b&c+d~", "[::1]", "E8CF0E9A-1B2C-4D5E-8F90-A1B2C3D4E5F6"}) {
    const std::string bytes = host;
    for (const std::string scheme : {"app", "capacitor-electron", "moz-extension", "x"}) {
      const OriginPattern pattern = pattern_of(scheme + "://" + bytes);
      EXPECT_EQ(pattern.host, bytes);
      EXPECT_TRUE(pattern.is_exact());
      EXPECT_EQ(pattern_of(scheme + "://" + bytes + ":8").port, 8);
      EXPECT_TRUE(pattern_of(scheme + "://" + bytes + ":*").any_port);
    }
  }
  EXPECT_FALSE(pattern_of("app://127.0.0.1").is_ip_address);
  for (const std::string host :
       {"",    "a b", "a/",  "a?b",   "a#b",  "a\\b",  "u@a",      "a:b:1", "a<b",
        "a>b", "a^b", "a|b", "[a",    "a]",   "a,b",   "\xC3\xA9", "a\x7F", "*",
        "a*",  "*a",  "a.*", "*.A.b", "*.-$", "*.*.b", "[::01]"}) {
    EXPECT_FALSE(is_valid("app://" + std::string(host))) << host;
  }
  // Wildcards for subdomains stand for labels, so what follows them is made of labels too.
  EXPECT_TRUE(pattern_of("app://*.-a-.local").subdomains);
}

TEST(Origin, AnAsteriskStandsOnlyForTheFirstLabelOrThePort) {
  for (const std::string entry :
       {"https://*", "https://*:*", "https://*.", "https://**.a.test", "https://*a.test",
        "https://a*.test", "https://a.*.test", "https://a.*", "https://*.*.test", "*://a.test",
        "http*://a.test", "*.a.test", "https://a.test:8*", "https://a.test:**", "https://*a.b.test",
        "https://*..test"}) {
    EXPECT_EQ(error_of(entry).code, ProblemCode::kOriginInvalid) << entry;
  }
}

TEST(Origin, AnIPv4AddressIsFourDecimalNumbers) {
  for (const std::string host :
       {"127.1", "1", "a.1", "0x7f.1", "0x7f000001", "a.0x", "010.0.0.1", "256.0.0.1", "1.2.3",
        "1.2.3.4.5", "1.2.3.4.", "1.2.3.", "127.0.0.01", "1.2.3.99999999999999999999", "a.0xff",
        "*.127.0.0.1", "*.1"}) {
    EXPECT_EQ(error_of("https://" + host).code, ProblemCode::kOriginInvalid) << host;
  }
  const std::vector<std::pair<std::string, std::string>> meant = {{"127.1", "127.0.0.1"},
                                                                  {"1", "0.0.0.1"},
                                                                  {"0x7f.1", "127.0.0.1"},
                                                                  {"0x7f000001", "127.0.0.1"},
                                                                  {"010.0.0.1", "8.0.0.1"},
                                                                  {"1.2.3", "1.2.0.3"},
                                                                  {"1.2.3.4.", "1.2.3.4"},
                                                                  {"1.2.65535", "1.2.255.255"},
                                                                  {"4294967295", "255.255.255.255"},
                                                                  {"0x", "0.0.0.0"},
                                                                  {"127.0.0.01", "127.0.0.1"},
                                                                  {"0X7F.1", "127.0.0.1"}};
  for (const auto& [host, address] : meant) {
    const OriginError error = error_of("http://" + host + ":8080");
    EXPECT_EQ(error.suggestion, "http://" + address + ":8080");
    EXPECT_TRUE(error.is_address_filled_up);
  }
  for (const std::string host : {"a.1", "256.0.0.1", "1.2.3.4.5", "1.2.65536", "4294967296", "08.1",
                                 "1..2", "0xg.1", "1.2.3.256", "1.+2"}) {
    EXPECT_EQ(error_of("https://" + host).suggestion, "") << host;
  }
  EXPECT_TRUE(pattern_of("https://1.2.3.4").is_ip_address);
  // Not numbers, so names.
  EXPECT_FALSE(pattern_of("https://1.2.3.4a").is_ip_address);
  EXPECT_FALSE(pattern_of("https://0xfg").is_ip_address);
}

struct IPv6Case {
  std::string given;
  std::string canonical;
};

TEST(Origin, AnIPv6AddressIsWrittenAsTheUrlStandardSerializesIt) {
  const std::vector<IPv6Case> cases = {
      {"0:0:0:0:0:0:0:0", "::"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"1:0:0:0:0:0:0:0", "1::"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
      {"1:0:0:0:2:0:0:3", "1::2:0:0:3"},
      {"1::2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
      {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
      {"2001:DB8::A", "2001:db8::a"},
      {"2001:0db8::000a", "2001:db8::a"},
      {"::ffff:1.2.3.4", "::ffff:102:304"},
      {"::1.2.3.4", "::102:304"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
  };
  for (const IPv6Case& row : cases) {
    const OriginError error = error_of("http://[" + row.given + "]:8080");
    EXPECT_EQ(error.code, ProblemCode::kOriginNonCanonicalIp) << row.given;
    EXPECT_EQ(error.suggestion, "http://[" + row.canonical + "]:8080");
    const OriginPattern pattern = pattern_of("http://[" + row.canonical + "]:8080");
    EXPECT_EQ(pattern.host, "[" + row.canonical + "]");
    EXPECT_TRUE(pattern.is_ip_address);
    EXPECT_EQ(pattern.port, 8080);
  }
}

TEST(Origin, RefusesWhatIsNoIPv6Address) {
  for (const std::string host : {"[]",
                                 "[",
                                 "[::1",
                                 "[::1]x",
                                 "[::1]]",
                                 "[:]",
                                 "[1::2::3]",
                                 "[1:2:3:4:5:6:7]",
                                 "[12345::]",
                                 "[1:2:3:4:5:6:7:8:9]",
                                 "[fe80::1%eth0]",
                                 "[fe80::1%25eth0]",
                                 "[g::]",
                                 "[127.0.0.1]",
                                 "::1",
                                 "1:2:3",
                                 "*.[::1]",
                                 "[*]",
                                 "[::1]:80:90",
                                 "a[::1]"}) {
    EXPECT_EQ(error_of("https://" + host).code, ProblemCode::kOriginInvalid) << host;
  }
}

TEST(Origin, APortIsOneTo65535WithoutLeadingZeros) {
  for (const std::string port : {"", "0", "00", "08443", "65536", "99999", "100000", "4294967297",
                                 "-1", "+1", "a", "1a", "0x50", " 1", "1 "}) {
    EXPECT_EQ(error_of("https://example.com:" + port).code, ProblemCode::kOriginInvalid) << port;
    EXPECT_FALSE(is_port(port)) << port;
  }
  for (const std::string port : {"1", "79", "81", "8080", "65535"}) {
    EXPECT_EQ(pattern_of("https://example.com:" + port).port, std::stoi(port));
    EXPECT_TRUE(is_port(port)) << port;
  }
  EXPECT_TRUE(is_port(repeated("1", kMaxPortLength)));
  EXPECT_FALSE(is_port(repeated("1", kMaxPortLength + 1)));
}

TEST(Origin, TheDefaultPortIsNeverWritten) {
  for (const std::string scheme : {"http", "ws"}) {
    const OriginError error = error_of(scheme + "://example.com:80");
    EXPECT_EQ(error.code, ProblemCode::kOriginDefaultPort);
    EXPECT_EQ(error.suggestion, scheme + "://example.com");
  }
  for (const std::string scheme : {"https", "wss"}) {
    const OriginError error = error_of(scheme + "://[::1]:443");
    EXPECT_EQ(error.code, ProblemCode::kOriginDefaultPort);
    EXPECT_EQ(error.suggestion, scheme + "://[::1]");
  }
}

TEST(Origin, FtpHasADefaultPortToo) {
  EXPECT_EQ(error_of("ftp://a.test:21").suggestion, "ftp://a.test");
  EXPECT_TRUE(is_valid("http://a.test:21"));
}

TEST(Origin, SuggestsTheOriginThatWasMeant) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"https://Example.COM/", "https://example.com"},
      {" https://example.com\n", "https://example.com"},
      {"HTTPS://user:pw@example.com:0443/a?b#c", "https://example.com"},
      {"https://example.com:08443", "https://example.com:8443"},
      {"https://example.com:08", "https://example.com:8"},
      {"https://example.com:", "https://example.com"},
      {"HTTP://[2001:DB8:0:0:0:0:0:1]:80/", "http://[2001:db8::1]"},
      {"https://*.Example.com/", "https://*.example.com"},
      {"http://LOCALHOST:*", "http://localhost:*"},
      {"Safari-Web-Extension://E8CF0E9A/", "safari-web-extension://E8CF0E9A"},
      {"app://-/index.html", "app://-"},
      {"app://10.1/index.html", "app://10.1"},
      {"https://*example.com", "https://*.example.com"},
  };
  for (const auto& [entry, suggestion] : rows) EXPECT_EQ(error_of(entry).suggestion, suggestion);
}

TEST(Origin, SaysWhatIsWrongWithAHostThatBeginsWithAColon) {
  EXPECT_EQ(error_of("https://:80").message, "the host is missing");
  EXPECT_EQ(error_of("https://::1").message, "an IPv6 address is written in brackets");
}

TEST(Origin, SuggestsNothingThatWouldBeAGuess) {
  for (const std::string entry :
       {"", "  ", "example.com", "*.example.com", "https://", "https://a..b", "app://*",
        "https://*",
        "https://b\xC3\xBC"
        "cher.test",
        "https://[::1", "https://example.com:65536", "https://example.com:0",
        "https://a.test,https://b.test", "file:///tmp/index.html"}) {
    EXPECT_EQ(error_of(entry).suggestion, "") << entry;
  }
  const std::string long_path = "https://example.com/" + repeated("a", testing::kMebibyte);
  EXPECT_EQ(error_of(long_path).suggestion, "");
  const std::string start = "https://example.com/";
  const std::string longest = start + repeated("a", 2 * kMaxOriginLength - start.size());
  EXPECT_EQ(error_of(longest).suggestion, "https://example.com");
  EXPECT_EQ(error_of(longest + 'a').suggestion, "");
}

TEST(Origin, ASchemeHasALongestLength) {
  const std::string longest = repeated("a", kMaxSchemeLength);
  EXPECT_TRUE(is_valid(longest + "://example.com"));
  EXPECT_FALSE(is_valid(longest + "a://example.com"));
}

TEST(Origin, AHostIsAsLongAsAnOriginCanBe) {
  // "domain to ASCII" is not strict: browsers open http://<70 bytes>.localhost.
  EXPECT_TRUE(is_valid("http://" + repeated("a", kMaxLabelLength + 1) + ".localhost"));
  EXPECT_TRUE(is_valid("https://" + repeated("a", kMaxOriginLength - 8)));
  EXPECT_FALSE(is_valid("https://" + repeated("a", kMaxOriginLength - 7)));
  EXPECT_TRUE(is_valid("app://" + repeated("a", kMaxOriginLength - 6)));
  EXPECT_FALSE(is_valid("app://" + repeated("a", kMaxOriginLength - 5)));
}

TEST(Origin, WhatFollowsAWildcardLeavesRoomForALabel) {
  EXPECT_TRUE(is_valid("https://*." + host_of_length(kMaxHostLength - 2)));
  EXPECT_TRUE(is_valid("https://*." + host_of_length(kMaxHostLength - 2) + "."));
  EXPECT_FALSE(is_valid("https://*." + host_of_length(kMaxHostLength - 1)));
}

TEST(Origin, TheLongestOriginIsLookedAtAndALongerOneIsNot) {
  const std::string longest =
      repeated("a", kMaxSchemeLength) + "://" + host_of_length(kMaxHostLength) + ":65535";
  ASSERT_EQ(longest.size(), kMaxOriginLength);
  EXPECT_TRUE(is_valid(longest));
  EXPECT_TRUE(can_be_one_origin(longest));
  EXPECT_TRUE(split_origin(longest).has_value());

  // Every part is within its own limit here; only the whole is too long.
  std::string longer = longest;
  longer.insert(longer.rfind(':'), ".");
  ASSERT_EQ(longer.size(), kMaxOriginLength + 1);
  EXPECT_FALSE(is_valid(longer));
  EXPECT_FALSE(can_be_one_origin(longer));
  EXPECT_FALSE(split_origin(longer).has_value());
}

TEST(Origin, OneOriginIsVisibleAsciiWithoutAComma) {
  for (const std::string bytes : {"https://example.com", "null", "NULL", "x", "https://a_b.test.",
                                  "https://evil.com/.sub.test", "\"'<>"}) {
    EXPECT_TRUE(can_be_one_origin(bytes)) << bytes;
  }
  for (const std::string bytes : {"", "*", " ", "https://a.test https://b.test",
                                  "https://a.test,null", "https://a.test\t", "\n",
                                  "https://b\xC3\xBC"
                                  "cher.test",
                                  "\x7F"}) {
    EXPECT_FALSE(can_be_one_origin(bytes)) << bytes;
  }
  EXPECT_FALSE(can_be_one_origin(std::string_view("a\0", 2)));
  EXPECT_FALSE(can_be_one_origin(std::string_view{}));
}

TEST(CanBeOneOrigin, EveryByteAtEveryPlaceIsJudgedByTheTable) {
  for (std::size_t length = 1; length <= 20; ++length) {
    for (std::size_t place = 0; place < length; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string bytes(length, 'a');
        bytes[place] = static_cast<char>(byte);
        const bool expected =
            bytes != "*" && ascii::kOneOriginBytes[static_cast<std::size_t>(byte)];
        ASSERT_EQ(can_be_one_origin(bytes), expected)
            << byte << " at " << place << " of " << length;
      }
    }
  }
}

TEST(Origin, AnOverLongOriginIsRefusedWithoutReadingIt) {
  const testing::UnreadableBytes origin(testing::kMebibyte);
  EXPECT_FALSE(can_be_one_origin(origin.view()));
  EXPECT_FALSE(split_origin(origin.view()).has_value());
  EXPECT_FALSE(is_host_label(origin.view()));
}

struct SplitCase {
  std::string origin;
  std::string scheme;
  std::string host;
  std::string port;
};

TEST(Origin, ARequestsOriginIsCutWithoutBeingJudged) {
  const std::vector<SplitCase> cases = {
      {"https://example.com", "https", "example.com", ""},
      {"http://[::1]:3000", "http", "[::1]", "3000"},
      {"http://[::1]", "http", "[::1]", ""},
      {"https://x@y.test:8443", "https", "x@y.test", "8443"},
      {"https://evil.com/.sub.test", "https", "evil.com/.sub.test", ""},
      {"http://example.com:443", "http", "example.com", "443"},
      {"ftp://a://b", "ftp", "", ""},
      {"://", "", "", ""},
  };
  for (const SplitCase& row : cases) {
    const auto parts = split_origin(row.origin);
    if (row.origin == "ftp://a://b") {
      EXPECT_FALSE(parts.has_value());  // What follows the second colon is no port.
      continue;
    }
    ASSERT_TRUE(parts.has_value()) << row.origin;
    EXPECT_EQ(parts->scheme, row.scheme) << row.origin;
    EXPECT_EQ(parts->host, row.host) << row.origin;
    EXPECT_EQ(parts->port, row.port) << row.origin;
  }
}

TEST(Origin, ARequestsOriginWithAPortNoBrowserSendsIsNotCut) {
  for (const std::string origin :
       {"", "null", "example.com", "https:/example.com",
        "https://example.com:", "https://example.com:0", "https://example.com:08443",
        "https://example.com:65536", "https://example.com:443", "http://example.com:80",
        "https://example.com:8443/", "https://example.com:8443.evil.test", "https://a:1:2",
        "http://::1", "http://[::1", "http://[::1]:", "https://u:p@example.com"}) {
    EXPECT_FALSE(split_origin(origin).has_value()) << origin;
  }
}

TEST(Origin, AHostLabelHasOneTo63Bytes) {
  for (const std::string label :
       {"a", "0", "_", "a-b", "a--b", "xn--bcher-kva", "_dmarc", "-", "-a", "a-", "--"}) {
    EXPECT_TRUE(is_host_label(label)) << label;
  }
  for (const std::string label : {"", "A", "a.b", "a$", "*", "a b", "a@b", "\xC3\xA9"}) {
    EXPECT_FALSE(is_host_label(label)) << label;
  }
  EXPECT_TRUE(is_host_label(repeated("a", kMaxLabelLength)));
  EXPECT_FALSE(is_host_label(repeated("a", kMaxLabelLength + 1)));
}

TEST(Origin, ASerializedOriginIsWhatAUrlParserWrites) {
  for (const std::string origin :
       {"https://example.com", "http://[::1]:3000", "https://user-.github.io", "https://a..b",
        "https://.", "https://a!$&'()*+;=_`{}~.test", "https://*.example.com", "https://10.0.0.1",
        "app://x", "app://-", "app://.", "capacitor-electron://-", "tauri://localhost", "x://A%:80",
        "ws://a.test", "ftp://a.test"}) {
    EXPECT_TRUE(is_serialized_origin(origin)) << origin;
  }
  for (const std::string origin : {"",
                                   "null",
                                   "*",
                                   "http://localhost:*",
                                   "https://example.com/",
                                   "https://Example.com",
                                   "https://evil.com/.example.com",
                                   "https://a,b",
                                   "app://a,b",
                                   "https://a%41",
                                   "https://127.1",
                                   "https://1.2.3.4.",
                                   "https://a.1",
                                   "http://[::01]",
                                   "app://[::01]",
                                   "https://a:443",
                                   "ws://a:80",
                                   "ftp://a:21",
                                   "https://a:0",
                                   "file://a",
                                   "app://",
                                   "App://a",
                                   "1a://b",
                                   "app://a@b",
                                   "app://a b",
                                   "app://a|b",
                                   "://a",
                                   "a",
                                   "app://\xC3\xA9",
                                   "app://a\x7F"}) {
    EXPECT_FALSE(is_serialized_origin(origin)) << origin;
  }
  EXPECT_TRUE(is_serialized_origin("https://" + repeated("a", kMaxOriginLength - 8)));
  EXPECT_FALSE(is_serialized_origin("https://" + repeated("a", kMaxOriginLength - 7)));
}

TEST(Origin, HttpsAndLoopbackArePotentiallyTrustworthy) {
  for (const std::string entry :
       {"https://example.com", "https://10.0.0.1", "https://*.example.com", "http://localhost",
        "http://localhost.", "http://app.localhost:*", "http://*.localhost", "http://127.0.0.1",
        "http://127.255.0.9:1", "http://[::1]:3000"}) {
    EXPECT_TRUE(is_potentially_trustworthy(pattern_of(entry))) << entry;
  }
  for (const std::string entry :
       {"http://example.com", "http://localhost.test", "http://notlocalhost", "http://128.0.0.1",
        "http://192.168.1.10:3000", "http://127.example.com", "http://[::2]",
        "http://[::ffff:7f00:1]"}) {
    EXPECT_FALSE(is_potentially_trustworthy(pattern_of(entry))) << entry;
  }
}

}  // namespace
}  // namespace corsac
