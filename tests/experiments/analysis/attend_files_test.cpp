// `attend` and files: masks and whole batches that it reads, pictures and results that it writes.

#include <gmock/gmock.h>

#include <fmt/format.h>

#include <cmath>

#include "experiments/analysis/attend.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

class AttendFiles : public InFolder {};

TEST_F(AttendFiles, AMaskIsWrittenDrawnAndReadFromAFile) {
  const std::vector<std::string> words{"attend", "--query", "1;2;3", "--key", "1;2;3", "--show-mask", "--mask"};
  const auto with = [&](const std::string& mask) {
    std::vector<std::string> all = words;
    all.push_back(mask);
    return run(all);
  };
  const std::string picture = "  0 1 2\n0 @@....|\n1 @@@@..|\n2 ..@@@@|\n\n";
  EXPECT_THAT(with("causal & window(1)").out, HasSubstr(picture));
  EXPECT_THAT(with(write("m.csv", "1,0,0\n1,1,0\n0,1,1\n")).out, HasSubstr(picture));
  EXPECT_THAT(with(write("m.csv", "1,0\n1,1\n")).err,
              HasSubstr("has 2 rows of 2 numbers, and there are 3 queries and 3 keys"));
  EXPECT_THAT(with("causl").err, HasSubstr("did you mean causal?"));
}

TEST_F(AttendFiles, APictureIsWritten) {
  ASSERT_EQ(
      run({"attend", "--query", "1", "--key", "1;2", "--key-names", "<a> b", "--show-mask", "--svg", path("a.svg")})
          .status,
      0);
  const std::string svg = read("a.svg");
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_THAT(svg, HasSubstr("&lt;a&gt;"));
  EXPECT_THAT(svg, HasSubstr(">mask</text>"));
  EXPECT_THAT(svg, HasSubstr(">weights</text>"));
}

// What is written never takes the place of what is read.
TEST_F(AttendFiles, WritesOverNothingThatItReads) {
  const std::string q = write("q.csv", "1,2\n");
  const auto refused = [&](const std::vector<std::string>& words) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("give another name"));
    EXPECT_EQ(read("q.csv"), "1,2\n");
  };
  std::filesystem::create_symlink("q.csv", path("link.svg"));
  std::filesystem::create_hard_link(q, path("q.h5"));
  refused({"attend", "--query", q, "--key", "1,2", "--svg", path("link.svg")});
  refused({"attend", "--input", path("q.h5"), "--output", path("q.h5")});
  // Nor of a file of another kind.
  for (const std::string option : {"--svg", "--output"}) {
    const Ran ran = run({"attend", "--query", "1,2", "--key", "1,2", option, q});
    const std::string ending = option == "--svg" ? ".svg" : ".h5";
    EXPECT_EQ(ran.err, fmt::format("tapehead: {0}: {1} does not end in {2}; name a file that does, such as {1}{2}\n",
                                   option, q, ending));
    EXPECT_EQ(read("q.csv"), "1,2\n");
  }
}

// Heads of two examples that share keys, through files: gradients against differences of the files that come out.
TEST_F(AttendFiles, FilesHoldWholeBatchesAndTheirGradients) {
  const auto drawn = [](std::vector<std::int64_t> shape, double phase) {
    std::int64_t size = 1;
    for (const std::int64_t s : shape) size *= s;
    Tensor tensor{std::move(shape), {}};
    for (std::int64_t i = 0; i < size; ++i) tensor.values.push_back(std::sin(phase + 1.7 * static_cast<double>(i)));
    return tensor;
  };
  Tensors input{{"q", drawn({2, 4, 3, 2}, 0)},
                {"k", drawn({2, 2, 5, 2}, 1)},
                {"v", drawn({2, 2, 5, 3}, 2)},
                {"g", drawn({4}, 3)},
                {"upstream/context", drawn({2, 4, 3, 3}, 4)}};
  const auto computed = [&](const Tensors& tensors) {
    write_tensors(path("in.h5"), tensors);
    const Ran ran = run({"attend", "--input", path("in.h5"), "--output", path("out.h5"), "--score", "cosine", "--scale",
                         "none", "--mask", "causal(end)"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(ran.out, "");
    return read_tensors(path("out.h5"));
  };
  const Tensors result = computed(input);
  EXPECT_EQ(result.at("weights").shape, (std::vector<std::int64_t>{2, 4, 3, 5}));
  EXPECT_EQ(result.at("log_sum_exp").shape, (std::vector<std::int64_t>{2, 4, 3}));
  const auto contracted = [&](const Tensors& tensors) {
    const Tensor context = computed(tensors).at("context");
    double sum = 0;
    for (std::size_t i = 0; i < context.values.size(); ++i) {
      sum += context.values[i] * input.at("upstream/context").values[i];
    }
    return sum;
  };
  for (const char* name : {"q", "k", "v", "g"}) {
    const Tensor& gradient = result.at(std::string("grads/") + name);
    EXPECT_EQ(gradient.shape, input.at(name).shape);
    for (const std::size_t i : {std::size_t{0}, gradient.values.size() - 1}) {
      constexpr double kStep = 1e-5;
      Tensors moved = input;
      moved.at(name).values[i] += kStep;
      const double above = contracted(moved);
      moved.at(name).values[i] -= 2 * kStep;
      EXPECT_NEAR(gradient.values[i], (above - contracted(moved)) / (2 * kStep), 1e-8) << name << i;
    }
  }
  const Ran shown = run({"attend", "--input", path("in.h5"), "--score", "cosine", "--example", "1", "--head", "3"});
  EXPECT_THAT(shown.out, HasSubstr("example 1, head 3\n"));
  EXPECT_EQ(run({"attend", "--input", path("in.h5"), "--score", "cosine", "--json"}).json()["scores"][1][3].size(), 3U);
  EXPECT_THAT(run({"attend", "--input", path("in.h5"), "--score", "cosine", "--head", "4"}).err,
              HasSubstr("--head: there are 4 heads, from 0 on, not 4"));
  EXPECT_THAT(run({"attend", "--input", path("in.h5")}).err, HasSubstr("nothing reads g (4)"));
  input.erase("v");
  write_tensors(path("in.h5"), input);
  EXPECT_THAT(run({"attend", "--input", path("in.h5")}).err, HasSubstr("there is no v"));
  EXPECT_THAT(run({"attend", "--input", path("in.h5"), "--query", "1"}).err, HasSubstr("--query: does nothing"));
}

}  // namespace
}  // namespace tapehead
