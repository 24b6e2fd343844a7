#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "corsac/browser_request.hpp"

namespace corsac::browser {
namespace {

using Headers = std::vector<Header>;
using Names = std::vector<std::string>;

bool is_safelisted(std::string_view name, std::string_view value) {
  return is_cors_safelisted_request_header({name, value});
}

bool content_type_is_safelisted(std::string_view value) {
  return is_safelisted("content-type", value);
}

TEST(SafelistedRequestHeaders, AreKnownByNameInAnyCaseAndNothingElseIs) {
  EXPECT_TRUE(is_safelisted("ACCEPT", "text/html"));
  EXPECT_TRUE(is_safelisted("Accept-Language", "de"));
  EXPECT_TRUE(is_safelisted("Content-Language", "de"));
  EXPECT_TRUE(is_safelisted("Content-Type", "text/plain"));
  EXPECT_TRUE(is_safelisted("Range", "bytes=0-"));
  for (const std::string_view name :
       {"authorization", "x-a", "accept-encoding", "cache-control", ""}) {
    EXPECT_FALSE(is_safelisted(name, "1")) << name;
  }
}

TEST(SafelistedRequestHeaders, HoldAtMost128Bytes) {
  EXPECT_TRUE(is_safelisted("accept", std::string(kMaxSafelistedValueBytes, 'a')));
  EXPECT_FALSE(is_safelisted("accept", std::string(kMaxSafelistedValueBytes + 1, 'a')));
}

TEST(SafelistedRequestHeaders, RefuseExactlyTheUnsafeBytesInAccept) {
  const std::string_view unsafe_marks = "\"():<>?@[\\]{}\x7F";
  for (int code = 0; code < 256; ++code) {
    const char byte = static_cast<char>(code);
    const bool unsafe =
        (code < 0x20 && byte != '\t') || unsafe_marks.find(byte) != unsafe_marks.npos;
    EXPECT_EQ(is_safelisted("accept", std::string(1, byte)), !unsafe) << code;
  }
}

TEST(SafelistedRequestHeaders, HoldOnlyLanguageBytesInTheLanguageHeaders) {
  EXPECT_TRUE(is_safelisted("accept-language", "en-GB,en;q=0.9, *"));
  EXPECT_TRUE(is_safelisted("content-language", ""));
  for (const std::string_view value : {"en_GB", "a/b", "a:b", "a\tb", "\xC3\xA4"}) {
    EXPECT_FALSE(is_safelisted("accept-language", value)) << value;
    EXPECT_FALSE(is_safelisted("content-language", value)) << value;
  }
}

TEST(SafelistedContentTypes, AreThreeEssencesInAnyCaseWithAnyParameters) {
  for (const std::string_view value :
       {"text/plain", "TEXT/PLAIN", "text/plain;charset=UTF-8", "text/plain ;x=y", "\ttext/plain ",
        "text/plain; a=b, application/json", "text/plain;application/json",
        "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"}) {
    EXPECT_TRUE(content_type_is_safelisted(value)) << value;
  }
}

TEST(SafelistedContentTypes, AreNothingElse) {
  for (const std::string_view value :
       {"", "text", "text/", "/plain", "text /plain", "text/ plain", "text/plain, application/json",
        "application/json", "text/html", "text/plain+json", "text/plain; a=\"b\"",
        "text/plain; a=(b)"}) {
    EXPECT_FALSE(content_type_is_safelisted(value)) << value;
  }
}

TEST(SafelistedRanges, AreOneRangeOfBytesWithAStart) {
  for (const std::string_view value : {"bytes=0-", "bytes=0-0", "bytes=10-20", "bytes=007-7",
                                       "bytes=99999999999999999998-99999999999999999999"}) {
    EXPECT_TRUE(is_safelisted("range", value)) << value;
  }
  for (const std::string_view value :
       {"", "bytes=", "bytes=-", "bytes=-5", "bytes=5", "bytes=20-10", "bytes= 0-1", "bytes =0-1",
        "bytes=0 -1", "bytes=0-1,3-4", "bytes=0-1 ", "Bytes=0-1", "items=0-1",
        "bytes=99999999999999999999-99999999999999999998"}) {
    EXPECT_FALSE(is_safelisted("range", value)) << value;
  }
}

TEST(UnsafeRequestHeaderNames, AreLowerCasedUniqueAndSortedByByte) {
  const Headers headers = {{"xa", "1"},  {"X~A", "1"},     {"x|a", "1"}, {"X_a", "1"},
                           {"x0a", "1"}, {"x.a", "1"},     {"X-A", "1"}, {"x!a", "1"},
                           {"x-a", "2"}, {"accept", "*/*"}};
  EXPECT_EQ(cors_unsafe_request_header_names(headers),
            (Names{"x!a", "x-a", "x.a", "x0a", "x_a", "xa", "x|a", "x~a"}));
}

TEST(UnsafeRequestHeaderNames, MeasureEachLineOnItsOwn) {
  const std::string half(100, 'a');
  const Headers headers = {{"accept", half}, {"accept", half}};
  EXPECT_EQ(cors_unsafe_request_header_names(headers), Names{});
}

TEST(UnsafeRequestHeaderNames, NameASafelistedHeaderWithOneUnsafeValue) {
  const Headers headers = {{"Content-Type", "text/plain"}, {"content-type", "application/json"}};
  EXPECT_EQ(cors_unsafe_request_header_names(headers), Names{"content-type"});
}

TEST(UnsafeRequestHeaderNames, TakeInEverySafelistedOneWhenTogetherTheyExceed1024Bytes) {
  const std::string longest(kMaxSafelistedValueBytes, 'a');
  Headers headers(kMaxSafelistedValuesBytes / kMaxSafelistedValueBytes, Header{"Accept", longest});
  EXPECT_EQ(cors_unsafe_request_header_names(headers), Names{});
  headers.push_back({"Accept-Language", "d"});
  EXPECT_EQ(cors_unsafe_request_header_names(headers), (Names{"accept", "accept-language"}));
}

}  // namespace
}  // namespace corsac::browser
