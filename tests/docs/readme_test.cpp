#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace {

std::string read_file(const std::string& name) {
  std::ifstream in(std::string(PROJECT_FOLDER) + "/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Readme, ShowsTheExampleAsItIsCompiled) {
  const std::string example = read_file("docs/example.cpp");
  ASSERT_FALSE(example.empty());
  EXPECT_NE(read_file("README.md").find("```cpp\n" + example + "```"), std::string::npos)
      << "the C++ block of README.md and docs/example.cpp differ";
}

}  // namespace
