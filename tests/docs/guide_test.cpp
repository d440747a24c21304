// CONTRIBUTING.md, followed to the letter: its op is compiled, registered nowhere, and checked; its files exist.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "autograd/check/check.hpp"
#include "autograd/ops/cube.hpp"
#include "autograd/problem.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

OpSpec spec_cube();

namespace {

std::string read_file(const std::string& name) {
  std::ifstream in(std::string(PROJECT_FOLDER) + "/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Guide, ShowsItsOpAsItIsCompiled) {
  const std::string guide = read_file("CONTRIBUTING.md");
  for (const char* name : {"docs/new_op/cube.hpp", "docs/new_op/cube.cpp"}) {
    ASSERT_FALSE(read_file(name).empty()) << name;
    EXPECT_NE(guide.find("```cpp\n" + read_file(name) + "```"), std::string::npos) << name << " and the guide differ";
  }
}

TEST(Guide, ItsOpHasRightGradientsAndValues) {
  const OpSpec spec = spec_cube();
  ASSERT_FALSE(spec.cases.empty());
  for (const ProblemCase& each : problem_cases(spec)) {
    const CheckReport report = check_problem(each, {});
    EXPECT_TRUE(report.passed()) << each.name << "\n" << report.text();
  }
  Tape<double> tape;
  const double numbers[] = {-2, 0, 0.5, 3};
  const Var<double> y = cube(tape.constant({4}, numbers));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(y.data()[i], numbers[i] * numbers[i] * numbers[i]);
}

TEST(Guide, LinksLeadToFilesThatExist) {
  const std::string guide = read_file("CONTRIBUTING.md");
  const std::regex link(R"(\]\(([^)#: ]+)\))");
  int links = 0;
  for (std::sregex_iterator it(guide.begin(), guide.end(), link), end; it != end; ++it, ++links) {
    EXPECT_TRUE(std::filesystem::exists(std::string(PROJECT_FOLDER) + "/" + (*it)[1].str())) << (*it)[1];
  }
  EXPECT_GT(links, 10);
}

// What the guide tells people to look for is there, by these names.
TEST(Guide, NamesTestsAndListsThatThereAre) {
  EXPECT_NE(read_file("autograd/CMakeLists.txt").find("set(ops\n"), std::string::npos);
  EXPECT_NE(read_file("datasets/made.cpp").find("kTasks{"), std::string::npos);
  EXPECT_NE(read_file("tests/autograd/ops/forward_elementwise.cpp").find("ForwardOracle unary("), std::string::npos);
  EXPECT_NE(read_file("tests/autograd/ops/forward_test.cpp").find("TEST(OpForwards, EveryOpHasAnOracle)"),
            std::string::npos);
  EXPECT_NE(read_file("tests/autograd/ops/unwritten_test.cpp").find("fixed{"), std::string::npos);
  EXPECT_NE(read_file("tests/experiments/options/run_config_test.cpp").find("EveryOptionReachesWhatItConfigures"),
            std::string::npos);
}

}  // namespace
}  // namespace tapehead
