// CONTRIBUTING.md, followed to the letter: its op is compiled, registered nowhere, and checked; its files exist.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>

#include "autograd/check/check.hpp"
#include "autograd/ops/cube.hpp"
#include "autograd/problem.hpp"
#include "autograd/spec.hpp"
#include "docs/new_option/cooldown.cpp"
#include "experiments/program/arguments.hpp"
#include "tests/support/task_check.hpp"

namespace tapehead {

OpSpec spec_cube();
Command command_rates();
TaskSpec task_rotate();

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

TEST(Guide, ShowsItsTaskAsItIsCompiled) {
  const std::string task = read_file("docs/new_task/rotate.cpp");
  ASSERT_FALSE(task.empty());
  EXPECT_NE(read_file("CONTRIBUTING.md").find("```cpp\n" + task + "```"), std::string::npos);
}

TEST(Guide, ItsTaskDoesWhatItsReferenceSays) {
  const MadeOptions options{.symbols = 8, .min_length = 2, .max_length = 6, .validation = 50, .test = 50};
  EXPECT_THAT(task_faults(task_rotate(), options), testing::IsEmpty());
  const MadeDataset data(task_rotate(), options);
  const SequencePair example = data.example(Split::test, 0);
  EXPECT_EQ(example.target.back(), example.source.front());
}

TEST(Guide, ShowsItsOptionAndItsCommandAsTheyAreCompiled) {
  const std::string guide = read_file("CONTRIBUTING.md");
  for (const char* name : {"docs/new_option/cooldown.cpp", "docs/new_command/rates.cpp"}) {
    ASSERT_FALSE(read_file(name).empty()) << name;
    EXPECT_NE(guide.find("```cpp\n" + read_file(name) + "```"), std::string::npos) << name << " and the guide differ";
  }
}

TEST(Guide, ItsOptionSetsItsMember) {
  CoolingOptions options;
  const Fields<CoolingOptions> fields = CoolingOptions::fields();
  ASSERT_EQ(fields.size(), 1U);
  EXPECT_EQ(fields[0].option.kind, OptionKind::integer);
  EXPECT_EQ(fields[0].option.fallback, "0");
  fields[0].member.set(options, canonical_value(fields[0].option, "+7"));
  EXPECT_EQ(options.cooldown, 7);
  EXPECT_NO_THROW(check_fields(options));
  options.cooldown = -1;
  EXPECT_THROW(check_fields(options), ConfigError);
}

TEST(Guide, ItsCommandRuns) {
  const Command command = command_rates();
  const Invocation call = parse_arguments(command, {"--steps", "4", "--lr", "0.5", "--warmup", "2"});
  TextSource in("", "standard input");
  std::ostringstream out, err;
  Console console{in, out, err};
  EXPECT_EQ(command.run(call, console), kDone);
  EXPECT_EQ(out.str(), "1 0.25\n2 0.5\n3 0.5\n4 0.5\n");
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
  EXPECT_NE(read_file("datasets/CMakeLists.txt").find("set(tasks\n"), std::string::npos);
  EXPECT_NE(read_file("tests/datasets/tasks/task_test.cpp").find("TEST(Tasks, "), std::string::npos);
  EXPECT_NE(read_file("tests/autograd/ops/forward_elementwise.cpp").find("ForwardOracle unary("), std::string::npos);
  EXPECT_NE(read_file("tests/autograd/ops/forward_test.cpp").find("TEST(OpForwards, EveryOpHasAnOracle)"),
            std::string::npos);
  EXPECT_NE(read_file("tests/autograd/ops/unwritten_test.cpp").find("fixed{"), std::string::npos);
  EXPECT_NE(read_file("experiments/CMakeLists.txt").find("set(commands\n"), std::string::npos);
  EXPECT_NE(read_file("experiments/options/run_config.hpp").find("void for_each_part("), std::string::npos);
}

}  // namespace
}  // namespace tapehead
