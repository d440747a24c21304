#include "experiments/analysis/attend.hpp"

#include <gmock/gmock.h>

#include <fmt/format.h>

#include <cmath>

#include "experiments/report/text_width.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::Not;
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
            "\nlog Σ exp of the scores\n"
            "         log-sum-exp\n"
            "query 0        2.408\n"
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
  const AttendResult result =
      attend(AttendInput::of(query, key, key), {.scale = "inv_dk", .stages = {.score = "cosine"}});
  const double expected[] = {0.6, 1, 0};  // the gain begins at the width, which inv_dk takes away
  for (std::int64_t k = 0; k < 3; ++k)
    EXPECT_NEAR(result.scores.values[static_cast<std::size_t>(k)], expected[k], 1e-6);
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
              HasSubstr("hidden by the mask"));
  EXPECT_FALSE(run({"attend", "--query", x, "--key", x, "--json"}).json().contains("note"));
}

// So large a map would be made in tiles, which keep no weights.
TEST_F(Attend, WeightsAreThereHoweverManyVectorsThereAre) {
  const std::int64_t count = 1024;
  Matrix vectors(count, 1);
  for (std::int64_t i = 0; i < count; ++i) vectors(i, 0) = i % 2 == 0 ? 0 : 1;
  const AttendResult result = attend(AttendInput::of(vectors, vectors, vectors), {.scale = "none"});
  const Matrix weights = matrix_of(result.weights);
  // Query 0 looks at all alike; query 1 at ones e times as much as at zeros.
  const double ones = std::exp(1.0) / (512 * (1 + std::exp(1.0)));
  for (std::int64_t k = 0; k < count; ++k) {
    ASSERT_NEAR(weights(0, k), 1.0 / 1024, 1e-15);
    ASSERT_NEAR(weights(1, k), k % 2 == 0 ? ones / std::exp(1.0) : ones, 1e-15);
  }
}

TEST_F(Attend, NumbersNamesAndHeadingsComeFromTheCommandLine) {
  const std::string v = write("v.csv", "left,right\n1,2\n3,4\n");
  const Ran ran = run(
      {"attend", "--query", "1,0", "--key", "1,0; 0,1", "--value", v, "--query-names", "it", "--key-names", "the cat"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("      the    cat\nit  0.707  0.000\n"));
  EXPECT_THAT(ran.out, HasSubstr("     left  right\nit  "));
  EXPECT_THAT(ran.out, HasSubstr("   the cat\nit "));
  EXPECT_THAT(run({"attend", "--query", "1", "--key", "1;2", "--key-names", "a b c"}).err,
              HasSubstr("--key-names: 3 names for 2 keys"));
  EXPECT_THAT(run({"attend", "--query", "1"}).err, HasSubstr("--key is missing"));
}

TEST_F(Attend, TheLogSumExpIsThatOfTheScoresThatAreNotHidden) {
  const Ran ran =
      run({"attend", "--query", "1;2", "--key", "1;3", "--scale", "none", "--mask", "causal(-1)", "--json"});
  const nlohmann::json json = ran.json();
  EXPECT_TRUE(json["log_sum_exp"][0].is_null()) << "nothing may be attended";
  EXPECT_EQ(json["weights"][0], nlohmann::json::parse("[0.0, 0.0]"));
  EXPECT_EQ(json["log_sum_exp"][1], 2.0);
  EXPECT_THAT(run({"attend", "--query", "1;2", "--key", "1;3", "--mask", "causal(-1)"}).out, HasSubstr("-∞"));
  const nlohmann::json all = run({"attend", "--query", "2", "--key", "500;501", "--scale", "none", "--json"}).json();
  EXPECT_NEAR(all["log_sum_exp"][0].get<double>(), 1002 + std::log1p(std::exp(-2.0)), 1e-12);
}

TEST_F(Attend, RefusalsSayWhatIsWrong) {
  const auto refused = [](const std::vector<std::string>& more) {
    std::vector<std::string> words{"attend"};
    words.insert(words.end(), more.begin(), more.end());
    if (std::ranges::count(words, "--query") == 0) words.insert(words.end(), {"--query", "1,0; 1,1"});
    words.insert(words.end(), {"--key", "1,0; 0,1"});
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 2) << ran.out;
    return ran.err;
  };
  EXPECT_THAT(refused({"--query", "nan,1"}), HasSubstr("--query: \"nan,1\" is no file, and not all of it is numbers"));
  EXPECT_THAT(refused({"--query", "1,0;;1,1"}), HasSubstr("--query: there is no vector between two semicolons"));
  EXPECT_THAT(refused({"--query-names", ""}), HasSubstr("--query-names: 0 names for 2 queries"));
  EXPECT_THAT(refused({"--mask", "nosuch.csv"}), HasSubstr("--mask: nosuch.csv: there is no such file"));
  EXPECT_THAT(refused({"--mask", "window(1.5)"}), HasSubstr("\"1.5\" is no whole number from 0 on"));
  EXPECT_THAT(refused({"--mask", "window(99999999999999999999)"}), HasSubstr("is too large"));
  EXPECT_THAT(refused({"--mask", write("row.csv", "1,0\n")}), HasSubstr("1 row of 2 numbers, and there are 2 queries"));
  EXPECT_THAT(refused({"--mask", write("two.csv", "2,0\n0,1\n")}),
              HasSubstr("2 for query 0 and key 0; a mask has zeros"));
  EXPECT_THAT(refused({"--positions", "forgetting"}),
              HasSubstr("positions forgetting read logit (1, 1, 2) of --input"));
  EXPECT_THAT(refused({"--positions", "rotary", "--rotary-share", "0.1"}),
              HasSubstr("rotary-share: 0.1 of heads of 2 channels holds no pair"));
  EXPECT_THAT(refused({"--show-mask", "--output", path("o.h5")}), HasSubstr("--show-mask: does nothing with --output"));
}

TEST_F(Attend, TitlesSayWhatIsThere) {
  const auto shown = [](const std::vector<std::string>& more) {
    std::vector<std::string> words{"attend", "--query", "3,1; -2,0", "--key", "1,2; -3,1"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words).out;
  };
  EXPECT_THAT(shown({}), HasSubstr("scores, scaled by inv_sqrt_dk\n"));
  EXPECT_THAT(shown({}), HasSubstr("log Σ exp"));
  EXPECT_THAT(shown({"--score", "additive"}), HasSubstr("scores, additive\n"));
  EXPECT_THAT(shown({"--normalizer", "sigmoid"}), Not(HasSubstr("log Σ exp")));
  EXPECT_THAT(shown({}), Not(HasSubstr("is shown as that")));
  EXPECT_THAT(shown({"--normalizer", "none", "--scale", "none"}),
              HasSubstr("from -8 to 6; what is below 0 or above 1 is shown as that"));
}

TEST_F(Attend, APictureOfManyVectorsSaysWhatItLeavesOut) {
  std::string many;
  for (int i = 0; i < 70; ++i) many += "1,0\n";
  write("many.csv", many);
  ASSERT_EQ(run({"attend", "--query", path("many.csv"), "--key", path("many.csv"), "--svg", path("many.svg")}).status,
            0);
  EXPECT_THAT(read("many.svg"), HasSubstr("weights, the first 64 of 70 queries and 64 of 70 keys"));
}

TEST_F(Attend, TakesPositionsAndRefusesThoseOfEmbeddings) {
  const auto weight = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"attend", "--query", "1,1;1,1", "--key", "1,1;1,1", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran.json()["scores"][1][0].get<double>();
  };
  const double plain = 2 / std::sqrt(2.0);
  EXPECT_NEAR(weight({}), plain, 1e-12);
  EXPECT_NEAR(weight({"--positions", "none"}), plain, 1e-12);
  EXPECT_NEAR(weight({"--positions", "alibi"}), plain - 1.0 / 256, 1e-12);
  EXPECT_NEAR(weight({"--positions", "rotary"}), plain * std::cos(1.0), 1e-12);
  EXPECT_THAT(run({"attend", "--query", "1", "--key", "1", "--positions", "learned"}).err,
              HasSubstr("learned ones are added to embeddings"));
  EXPECT_THAT(run({"attend", "--query", "1,2", "--key", "1,2", "--positions", "shaw", "--score", "cosine"}).err,
              HasSubstr("does not go with score cosine"));
}

// Names of unknown origin do not act on the terminal, above columns either; a mask may be longer than a file's name.
TEST_F(Attend, NamesAreHarmlessAndMasksMayBeLong) {
  const Ran ran = run({"attend", "--query", "1", "--key", "1;2", "--key-names", "a \x1b[31mb"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, testing::Not(HasSubstr("\x1b")));
  std::string mask = "causal";
  for (int i = 0; i < 60; ++i) mask += " & causal";
  EXPECT_THAT(run({"attend", "--query", "1", "--key", "1", "--mask", mask}).err, HasSubstr("terms are joined"));
}

TEST_F(Attend, InSinglePrecisionNumbersAreThoseOfFloats) {
  const std::vector<std::string> words{"attend", "--query", "0.1", "--key", "0.3;0.7", "--scale", "none", "--json"};
  std::vector<std::string> single = words;
  single.insert(single.end(), {"--precision", "float"});
  EXPECT_EQ(run(words).json()["scores"][0][0], 0.1 * 0.3);
  EXPECT_EQ(run(single).json()["scores"][0][0], static_cast<double>(0.1F * 0.3F));
}

}  // namespace
}  // namespace tapehead
