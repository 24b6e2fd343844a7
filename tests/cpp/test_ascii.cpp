#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "corsac/ascii.hpp"

namespace corsac::ascii {
namespace {

TEST(Ascii, ATokenIsOneOrMoreTchars) {
  for (const std::string_view token : {"GET", "x-a", "*", "!#$%&'*+-.^_`|~", "0", "content-type"}) {
    EXPECT_TRUE(is_token(token)) << token;
  }
  for (const std::string_view other : {"", " ", "GET ", "a b", "a,b", "a:b", "\"a\"", "a\t", "(a)",
                                       "a/b", "a=b", "a@b", "{a}", "r\xC3\xA9sum\xC3\xA9"}) {
    EXPECT_FALSE(is_token(other)) << other;
  }
  EXPECT_FALSE(is_token(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_token("a\r\nb"));
  EXPECT_FALSE(is_token("a\x7F"));
}

TEST(Ascii, TheTokenTableHasTheSeventySevenTcharsAndNoOtherByte) {
  int count = 0;
  for (const bool member : kTokenBytes) count += member ? 1 : 0;
  EXPECT_EQ(count, 10 + 26 + 26 + 15);
}

TEST(Ascii, AnOriginByteIsVisibleAndNoComma) {
  for (int byte = 0; byte < 256; ++byte) {
    const bool expected = byte > 0x20 && byte < 0x7F && byte != ',';
    EXPECT_EQ(kOneOriginBytes[static_cast<std::size_t>(byte)], expected) << byte;
  }
}

TEST(Ascii, OnlyTheLettersAToZAreLowered) {
  for (int byte = 0; byte < 256; ++byte) {
    const char original = static_cast<char>(byte);
    const char expected = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : original;
    EXPECT_EQ(to_lower(original), expected) << byte;
  }
}

TEST(Ascii, EqualsLowercasedFoldsTheFirstArgumentOnly) {
  EXPECT_TRUE(equals_lowercased("Content-TYPE", "content-type"));
  EXPECT_TRUE(equals_lowercased("", ""));
  EXPECT_FALSE(equals_lowercased("content-type", "Content-Type"));
  EXPECT_FALSE(equals_lowercased("content-typ", "content-type"));
  EXPECT_FALSE(equals_lowercased("content-type2", "content-type"));
  // 0x20 apart but no letters, and the Kelvin sign that Unicode folds to k.
  EXPECT_FALSE(equals_lowercased("[", "{"));
  EXPECT_FALSE(equals_lowercased("@", "`"));
  EXPECT_FALSE(equals_lowercased("\xE2\x84\xAA", "k"));
}

TEST(Ascii, OnlyTabsAndSpacesAreTrimmed) {
  EXPECT_EQ(trim_tab_or_space(" \t a b \t"), "a b");
  EXPECT_EQ(trim_tab_or_space(" \t "), "");
  EXPECT_EQ(trim_tab_or_space(""), "");
  for (const std::string_view kept : {"\ra\r", "\na\n",
                                      "\x0B"
                                      "a\x0B",
                                      "\fa\f",
                                      "\xA0"
                                      "a\xA0"}) {
    EXPECT_EQ(trim_tab_or_space(kept), kept);
  }
}

std::vector<std::string> members(std::string_view list) {
  std::vector<std::string> result;
  while (!list.empty()) result.emplace_back(take_list_member(list));
  return result;
}

TEST(Ascii, AListIsCutAtCommasAndItsMembersAreTrimmed) {
  using Members = std::vector<std::string>;
  EXPECT_EQ(members("a"), (Members{"a"}));
  EXPECT_EQ(members("a,b , c\t"), (Members{"a", "b", "c"}));
  EXPECT_EQ(members(",a,, b"), (Members{"", "a", "", "b"}));
  EXPECT_EQ(members("\"a,b\""), (Members{"\"a", "b\""}));
  EXPECT_EQ(members(""), Members{});
}

}  // namespace
}  // namespace corsac::ascii
