#include "experiments/analysis/matrix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

std::string refusal(const std::string& text) {
  try {
    parse_matrix(text, "q.csv");
  } catch (const DataError& error) {
    return error.what();
  }
  return "taken";
}

TEST(Matrix, TakesCommasSemicolonsSpacesCommentsAndWindowsLineEnds) {
  for (const char* text : {"# numbers\n1, 2,3\r\n\n4 ,5,6\n7,-8 , +9e1 # the last, and 0;0\n",
                           "1;2; 3\n4;5 ;6\n7;-8 ; +9e1\n", " 1 2\t3\n4  5\t6 \n7 -8\t +9e1"}) {
    const Matrix matrix = parse_matrix(text, "q.csv");
    EXPECT_EQ(matrix.rows, 3);
    EXPECT_EQ(matrix.columns, 3);
    EXPECT_THAT(matrix.values, testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, -8, 90)) << text;
  }
  EXPECT_THAT(parse_matrix("1.5\n-2\n", "q.csv").values, testing::ElementsAre(1.5, -2));
}

TEST(Matrix, SeparatorsOfTwoKindsAreRefusedBecauseCommasMayBeDecimal) {
  EXPECT_EQ(refusal("1,5;2\n"),
            "q.csv:1: numbers are separated by commas and by semicolons; use one kind, and if 1,5 is meant to be one "
            "number, write 1.5");
  for (const char* text :
       {"1;2,5\n", "2;3\n1,5\n", "1,5\n2;3\n", "1,5 2,5\n", "1,5\t2\n", "1.234,5;2\n", "1 2\n1,5\n"}) {
    EXPECT_THAT(refusal(text), testing::HasSubstr("write 1.5")) << text;
  }
  EXPECT_EQ(refusal("1 2; 3 4\n"), "q.csv:1: numbers are separated by blanks and by semicolons; use one kind");
}

TEST(Matrix, ErrorsNameFileAndLine) {
  EXPECT_EQ(refusal("1,2\n1,x\n"), "q.csv:2: \"x\" is not a finite number");
  EXPECT_EQ(refusal("1,2\n\n1,2,3\n"), "q.csv:3: 3 numbers, but the lines before have 2");
  EXPECT_EQ(refusal("1,,2\n"), "q.csv:1: a number is missing between two separators");
  EXPECT_EQ(refusal(",2\n"), "q.csv:1: a number is missing between two separators");
  EXPECT_EQ(refusal("1,2,\n"), "q.csv:1: a number is missing between two separators");
  EXPECT_EQ(refusal("1,nan\n"), "q.csv:1: \"nan\" is not a finite number");
  EXPECT_EQ(refusal("1e999\n"), "q.csv:1: \"1e999\" is not a finite number");
  EXPECT_EQ(refusal("# nothing\n\n"), "q.csv: holds no numbers");
}

TEST(Matrix, AFirstLineWithoutNumbersIsAHeading) {
  for (const char* text : {"x,y\n1,2\n3,4\n", "# about\n\"x\", \"y\"\n1,2\n3,4\n", "x y # names\n1 2\n3 4\n"}) {
    const Matrix matrix = parse_matrix(text, "q.csv");
    EXPECT_THAT(matrix.column_names, testing::ElementsAre("x", "y")) << text;
    EXPECT_THAT(matrix.values, testing::ElementsAre(1, 2, 3, 4)) << text;
  }
  EXPECT_EQ(refusal("x,y\n1,2,3\n"), "q.csv:1: a heading of 2 names, and 3 numbers below it");
  EXPECT_EQ(refusal("x,y\n"), "q.csv: holds no numbers");
  EXPECT_EQ(refusal("x,1\n1,2\n"), "q.csv:1: \"x\" is not a finite number");
  EXPECT_EQ(refusal("x,y\nz,w\n"), "q.csv:2: \"z\" is not a finite number") << "one heading";
  EXPECT_TRUE(parse_matrix("1,2\n", "q.csv").column_names.empty());
}

TEST(Matrix, NumbersOfACommandLineHaveSemicolonsBetweenVectors) {
  const Matrix matrix = matrix_of_text("1,0,1; 0,-1,2e-1", "--query");
  EXPECT_EQ(matrix.rows, 2);
  EXPECT_THAT(matrix.values, testing::ElementsAre(1, 0, 1, 0, -1, 0.2));
  EXPECT_TRUE(is_matrix_text("1 0; 0 1"));
  EXPECT_FALSE(is_matrix_text("q.csv"));
  EXPECT_FALSE(is_matrix_text(""));
  EXPECT_THROW(matrix_of_text("1,0; 1", "--query"), DataError);
}

TEST(Matrix, AMissingFileIsNamed) {
  EXPECT_THROW(read_matrix("/nowhere/q.csv"), DataError);
  EXPECT_THROW(read_matrix("/"), DataError) << "a folder is no file";
}

}  // namespace
}  // namespace tapehead
