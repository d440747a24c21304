#include "experiments/analysis/attend.hpp"

#include <gmock/gmock.h>

#include <fmt/format.h>

#include <cmath>

#include "experiments/report/text_width.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using Rows = std::vector<std::vector<double>>;

// Attention as the paper writes it, in plain loops.
struct Oracle {
  Rows scores, weights, context;

  Oracle(const Rows& query, const Rows& key, const Rows& value, double scale) {
    for (const auto& q : query) {
      std::vector<double> s, w, c(value[0].size(), 0.0);
      double sum = 0;
      for (const auto& k : key) {
        double dot = 0;
        for (std::size_t d = 0; d < q.size(); ++d) dot += q[d] * k[d];
        s.push_back(dot * scale);
        sum += std::exp(s.back());
      }
      for (std::size_t j = 0; j < key.size(); ++j) {
        w.push_back(std::exp(s[j]) / sum);
        for (std::size_t d = 0; d < c.size(); ++d) c[d] += w[j] * value[j][d];
      }
      scores.push_back(s);
      weights.push_back(w);
      context.push_back(c);
    }
  }
};

void expect_near(const nlohmann::json& rows, const Rows& expected, double bound) {
  ASSERT_EQ(rows.size(), expected.size());
  for (std::size_t r = 0; r < expected.size(); ++r) {
    ASSERT_EQ(rows[r].size(), expected[r].size());
    for (std::size_t c = 0; c < expected[r].size(); ++c) EXPECT_NEAR(rows[r][c].get<double>(), expected[r][c], bound);
  }
}

class Attend : public InFolder {};

TEST_F(Attend, ScoresOfOneQueryAgainstThreeKeysWithoutScale) {
  const std::string q = write("q.csv", "1,0,1\n");
  const std::string k = write("k.csv", "1,0,1\n0,1,0\n1,1,0\n");
  const Ran ran = run({"attend", "--query", q, "--key", k, "--scale", "none", "--json"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.json()["scores"], nlohmann::json::parse("[[2.0, 0.0, 1.0]]"));
  const Rows keys{{1, 0, 1}, {0, 1, 0}, {1, 1, 0}};
  const Oracle oracle({{1, 0, 1}}, keys, keys, 1);
  expect_near(ran.json()["weights"], oracle.weights, 1e-12);
  expect_near(ran.json()["context"], oracle.context, 1e-12);
}

TEST_F(Attend, SelfAttentionScaledByTheRootOfTheWidth) {
  const std::string x = write("x.csv", "1 0 1 0\n0 1 0 1\n1 1 0 0\n");
  const Rows rows{{1, 0, 1, 0}, {0, 1, 0, 1}, {1, 1, 0, 0}};
  const Oracle oracle(rows, rows, rows, 1 / std::sqrt(4.0));
  for (const std::string scale : {"inv_sqrt_dk", "0.5"}) {
    const Ran ran = run({"attend", "--query", x, "--key", x, "--value", x, "--scale", scale, "--json"});
    ASSERT_EQ(ran.status, 0) << ran.err;
    expect_near(ran.json()["scores"], oracle.scores, 1e-6);
    expect_near(ran.json()["weights"], oracle.weights, 1e-6);
    expect_near(ran.json()["context"], oracle.context, 1e-6);
  }
  // exp(1), exp(0), exp(1/2) over their sum.
  EXPECT_NEAR(oracle.weights[0][0], 0.506480, 1e-6);
}

TEST_F(Attend, ValuesMayHaveAnotherWidth) {
  const std::string q = write("q.csv", "1,2\n3,4\n");
  const std::string k = write("k.csv", "1,0\n0,1\n1,1\n");
  const std::string v = write("v.csv", "10\n20\n30\n");
  const Ran ran = run({"attend", "--query", q, "--key", k, "--value", v, "--json"});
  const Oracle oracle({{1, 2}, {3, 4}}, {{1, 0}, {0, 1}, {1, 1}}, {{10}, {20}, {30}}, 1 / std::sqrt(2.0));
  expect_near(ran.json()["context"], oracle.context, 1e-12);
}

TEST_F(Attend, CausalHidesLaterKeys) {
  const std::string x = write("x.csv", "1,0\n0,1\n1,1\n");
  const Ran ran = run({"attend", "--query", x, "--key", x, "--causal", "--json"});
  const nlohmann::json result = ran.json();
  EXPECT_TRUE(result["scores"][0][1].is_null());
  EXPECT_TRUE(result["scores"][1][2].is_null());
  EXPECT_FALSE(result["scores"][2][2].is_null());
  EXPECT_EQ(result["weights"][0], nlohmann::json::parse("[1.0, 0.0, 0.0]"));
  EXPECT_THAT(run({"attend", "--query", x, "--key", x, "--causal"}).out, HasSubstr(" -"));
}

TEST_F(Attend, TextShowsNumbersAndAMap) {
  const std::string q = write("q.csv", "1,0,1\n");
  const std::string k = write("k.csv", "1,0,1\n0,1,0\n1,1,0\n");
  EXPECT_EQ(run({"attend", "--query", q, "--key", k, "--scale", "none"}).out,
            "scores, scaled by none\n"
            "         key 0  key 1  key 2\n"
            "query 0  2.000  0.000  1.000\n"
            "\nweights\n"
            "         key 0  key 1  key 2\n"
            "query 0  0.665  0.090  0.245\n"
            "\ncontext\n"
            "         dim 0  dim 1  dim 2\n"
            "query 0  0.910  0.335  0.665\n"
            "\nweights: queries down, keys across\n"
            "  0 1 2\n"
            "0 **..::|\n"
            "  0  .:-=++*#%@ 1\n");
}

TEST_F(Attend, SizesThatDoNotFitAreRefused) {
  const std::string two = write("two.csv", "1,2\n");
  const std::string three = write("three.csv", "1,2,3\n");
  const std::string tall = write("tall.csv", "1\n2\n");
  EXPECT_THAT(run({"attend", "--query", two, "--key", three}).err, HasSubstr("queries have 2 numbers each, keys 3"));
  EXPECT_THAT(run({"attend", "--query", two, "--key", two, "--value", tall}).err, HasSubstr("1 key but 2 values"));
  EXPECT_EQ(run({"attend", "--query", two, "--key", three}).status, 2);
  EXPECT_THAT(run({"attend", "--query", two, "--key", two, "--scale", "inv_sqrt_dmodel"}).err,
              HasSubstr("needs a model"));
}

TEST_F(Attend, TablesThatNobodyCanLookAtAreRefused) {
  std::string many;
  for (int i = 0; i < 1500; ++i) many += "1\n";
  const std::string file = write("many.csv", many);
  const Ran ran = run({"attend", "--query", file, "--key", file});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("1500 queries with 1500 keys"));
  EXPECT_EQ(run({"attend", "--query", write("one.csv", "1\n"), "--key", file, "--json"}).status, 0);
}

TEST_F(Attend, NumbersHaveAsManyDecimalsAsAskedForAndTinyOnesNoExponent) {
  const std::string q = write("q.csv", "1,0\n");
  const std::string k = write("k.csv", "50,0\n0,0\n2e6,1\n");
  const std::string three = run({"attend", "--query", q, "--key", k, "--scale", "none"}).out;
  EXPECT_THAT(three, HasSubstr("query 0  50.000  0.000  2.000e+06\n"));
  EXPECT_THAT(three, HasSubstr("query 0  0.000  0.000  1.000\n"));
  EXPECT_THAT(run({"attend", "--query", q, "--key", k, "--scale", "none", "--digits", "0"}).out,
              HasSubstr("query 0     50      0  2e+06\n"));
  EXPECT_EQ(run({"attend", "--query", q, "--key", k, "--scale", "none", "--json"}).json()["scores"][0][0], 50.0);
}

TEST_F(Attend, OfManyVectorsSomeAreShownAndALineSaysWhichAreNot) {
  std::string text;
  for (int r = 0; r < 30; ++r) {
    for (int c = 0; c < 512; ++c) text += fmt::format("{} ", (r + c) % 3);
    text += "\n";
  }
  const std::string x = write("x.csv", text);
  const std::string out = run({"attend", "--query", x, "--key", x}, {}, 80).out;
  EXPECT_THAT(out, HasSubstr("(not shown: queries 18 to 28 and keys 7 to 28; --json has all)"));
  EXPECT_THAT(out, HasSubstr("…  dim 511\n"));
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(text_width(line), 80U) << line;
}

TEST_F(Attend, ScoresThatOverflowAreRefused) {
  const std::string x = write("x.csv", "1e200 0\n1e300 1e300\n");
  const Ran ran = run({"attend", "--query", x, "--key", x, "--scale", "none", "--json"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("the score of query 0 and key 0 is infinite"));
  const std::string both = write("both.csv", "1e300 -1e300\n");
  // ∞ − ∞, or ∞ less a product that was never rounded: the machine's products decide.
  EXPECT_THAT(run({"attend", "--query", both, "--key", write("k.csv", "1e300 1e300\n"), "--scale", "none"}).err,
              testing::AnyOf(HasSubstr("not a number"), HasSubstr("is infinite")));
}

TEST_F(Attend, CosinesAreBoundedHoweverLongTheVectorsAre) {
  const Matrix query = read_matrix(write("q.csv", "3,4\n"));
  const Matrix key = read_matrix(write("k.csv", "1,0\n300,400\n-4,3\n"));
  const AttendResult result = attend(query, key, key, {.scale = "inv_dk", .stages = {.score = "cosine"}});
  const double expected[] = {0.6, 1, 0};  // the gain begins at the width, which inv_dk takes away
  for (std::int64_t k = 0; k < 3; ++k) EXPECT_NEAR(result.scores(0, k), expected[k], 1e-6);
  std::vector<std::string> words{"attend", "--query", path("q.csv"), "--key", path("k.csv"), "--scale", "inv_dk"};
  words.insert(words.end(), {"--json", "--score", "cosine"});
  expect_near(run(words).json()["scores"], {{0.6, 1, 0}}, 1e-6);
  words.back() = "cosin";
  EXPECT_EQ(run(words).status, 2);
  EXPECT_THAT(run(words).err, HasSubstr("cosine"));
}

TEST_F(Attend, TheJsonSaysWhatANullIs) {
  const std::string x = write("x.csv", "1,0\n0,1\n");
  EXPECT_THAT(run({"attend", "--query", x, "--key", x, "--causal", "--json"}).json()["note"].get<std::string>(),
              HasSubstr("hidden by the causal mask"));
  EXPECT_FALSE(run({"attend", "--query", x, "--key", x, "--json"}).json().contains("note"));
}

// So large a map would be made in tiles, which keep no weights.
TEST_F(Attend, WeightsAreThereHoweverManyVectorsThereAre) {
  const std::int64_t count = 1024;
  Matrix vectors(count, 1);
  for (std::int64_t i = 0; i < count; ++i) vectors(i, 0) = i % 2 == 0 ? 0 : 1;
  const AttendResult result = attend(vectors, vectors, vectors, {.scale = "none"});
  // Query 0 looks at all alike; query 1 at ones e times as much as at zeros.
  const double ones = std::exp(1.0) / (512 * (1 + std::exp(1.0)));
  for (std::int64_t k = 0; k < count; ++k) {
    ASSERT_NEAR(result.weights(0, k), 1.0 / 1024, 1e-15);
    ASSERT_NEAR(result.weights(1, k), k % 2 == 0 ? ones / std::exp(1.0) : ones, 1e-15);
  }
}

}  // namespace
}  // namespace tapehead
