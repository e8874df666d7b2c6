#include "common/printable.h"

#include <gtest/gtest.h>

namespace lighter {
namespace {

TEST(PrintableTest, PlainTextStaysAsItIs) {
  for (const std::string text : {"", "node1: proven\n\t10.0 MiB", "a \\x1b \"b\"", "caf\xc3\xa9",
                                 "\xe6\xa8\xa1\xe6\x9d\xbf", "\xe2\x96\x88", "\xf0\x9f\x9a\xa2"}) {
    EXPECT_EQ(Printable(text), text);
  }
}

TEST(PrintableTest, WhatATerminalActsOnBecomesVisible) {
  EXPECT_EQ(Printable("a\x1b[2Jb\rc"), "a\\x1b[2Jb\\x0dc");
  EXPECT_EQ(Printable(std::string("a\0b\x7f", 4)), "a\\x00b\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");  // C1's CSI
  EXPECT_EQ(Printable("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xae"
            "b");  // right to left
}

TEST(PrintableTest, BytesThatAreNotUtf8BecomeVisible) {
  EXPECT_EQ(Printable("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(Printable("\x9b"
                      "31m"),
            "\\x9b31m");
  EXPECT_EQ(Printable("\xc0\x9b"), "\\xc0\\x9b");           // overlong
  EXPECT_EQ(Printable("\xe0\x82\x9b"), "\\xe0\\x82\\x9b");  // overlong
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(Printable("\xf0\x9f\x9a"), "\\xf0\\x9f\\x9a");  // cut off
}

TEST(PrintableTest, AForeignStringStaysOnItsLineAndShort) {
  EXPECT_EQ(OneLine("ok\nProven on 3 nodes\t"), "ok\\x0aProven on 3 nodes\\x09");
  EXPECT_EQ(OneLine(std::string(2000, 'x'), 10), "xxxxxxxxxx... (2000 bytes)");
  EXPECT_EQ(OneLine(std::string(10, 'x'), 10), "xxxxxxxxxx");
  EXPECT_EQ(OneLine("caf\xc3\xa9", 4), "caf\\xc3... (5 bytes)");
}

}  // namespace
}  // namespace lighter
