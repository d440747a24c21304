// The benchmark's arithmetic, its talk with other programs, and the command; no time is judged.

#include <gmock/gmock.h>

#include <filesystem>
#include <map>

#include "autograd/base/errors.hpp"
#include "autograd/poison.hpp"
#include "experiments/bench/gemm_floor.hpp"
#include "experiments/bench/measurement.hpp"
#include "experiments/bench/peer.hpp"
#include "tests/experiments/shell_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

double flop_of(const std::vector<Product>& products) {
  double sum = 0;
  for (const Product& product : products) sum += product.flop();
  return sum;
}

// 6 FLOP for every weight and token, forward and backward, and 12 · D for every pair of a query and a key.
TEST(ProductsOfStep, OfADecoderAreItsWeightsAndItsPairs) {
  const ModelConfig model{
      .model = "decoder", .layers = 3, .heads = 4, .d_model = 32, .d_ff = 80, .target_vocabulary = 50};
  const double weights = 3 * (4 * 32 * 32 + 2 * 32 * 80) + 32 * 50;
  const double tokens = 7 * 24;
  const double pairs = 3.0 * 4 * 7 * 24 * 24;
  EXPECT_DOUBLE_EQ(flop_of(products_of_step(model, {7, 0, 24}, 7, 0)), 6 * weights * tokens + 12 * 8 * pairs);
}

TEST(ProductsOfStep, OfATransformerCountSourceAndTarget) {
  const ModelConfig model{
      .model = "transformer", .layers = 2, .heads = 2, .d_model = 16, .d_ff = 24, .target_vocabulary = 11};
  const double source = 3 * 10;
  const double target = 3 * 6;
  const double encoder = 2 * (4 * 16 * 16 + 2 * 16 * 24) * source;
  const double decoder = 2 * (4 * 16 * 16 + 2 * 16 * 16 + 2 * 16 * 24) * target + 16 * 11 * target;
  const double memory = 2 * 2 * 16 * 16 * source;
  const double pairs = 2.0 * 2 * 3 * (10 * 10 + 6 * 6 + 10 * 6);
  EXPECT_DOUBLE_EQ(flop_of(products_of_step(model, {3, 10, 6}, 3, 0)),
                   6 * (encoder + decoder + memory) + 12 * 8 * pairs);
}

TEST(ProductsOfStep, OfAnEncoderCountTheSourceAlone) {
  const ModelConfig model{
      .model = "encoder", .layers = 2, .heads = 2, .d_model = 16, .d_ff = 24, .target_vocabulary = 11};
  const double tokens = 3 * 10;
  const double weights = 2 * (4 * 16 * 16 + 2 * 16 * 24) + 16 * 11;
  const double pairs = 2.0 * 2 * 3 * 10 * 10;
  EXPECT_DOUBLE_EQ(flop_of(products_of_step(model, {3, 10, 10}, 3, 0)), 6 * weights * tokens + 12 * 8 * pairs);
}

TEST(ProductsOfStep, OfARecurrentModelCountGatesOfBothDirectionsAndAttention) {
  ModelConfig model{.model = "rnn", .layers = 2, .heads = 2, .d_model = 16, .target_vocabulary = 11};
  const double source = 3 * 10;
  const double target = 3 * 6;
  const double encoder = 2 * 2 * (16 * 3 * 8 + 8 * 3 * 8) * source;
  const double decoder = 2 * 2 * 16 * 3 * 16 * target;
  const double attention = 2 * 16 * 16 * source + 3 * 16 * 16 * target;
  const double pairs = 2.0 * 3 * 10 * 6;
  const double output = 16 * 11 * target;
  const double flop = 6 * (encoder + decoder + attention + output) + 12 * 8 * pairs;
  EXPECT_DOUBLE_EQ(flop_of(products_of_step(model, {3, 10, 6}, 3, 0)), flop);
  ModelConfig feeding = model;
  feeding.recurrent.input_feeding = "yes";  // which the first layer reads too
  EXPECT_DOUBLE_EQ(flop_of(products_of_step(feeding, {3, 10, 6}, 3, 0)), flop + 6 * 16 * 3 * 16 * target);
  ModelConfig alone = model;
  alone.model = "rnn_without_attention";
  EXPECT_DOUBLE_EQ(flop_of(products_of_step(alone, {3, 10, 6}, 3, 0)), 6 * (encoder + decoder + output));
  alone.model = "rnn_decoder";
  alone.recurrent.cell = "lstm";
  EXPECT_DOUBLE_EQ(flop_of(products_of_step(alone, {3, 0, 6}, 3, 0)), 6 * (decoder * 4 / 3 + output));
}

TEST(ProductsOfStep, CausalBlocksLeaveOutWhatNoQueryOfThemReaches) {
  const ModelConfig model{.model = "decoder", .layers = 1, .heads = 1, .d_model = 8, .d_ff = 8, .target_vocabulary = 8};
  const double all = flop_of(products_of_step(model, {1, 0, 10}, 1, 0));
  const double blocks = flop_of(products_of_step(model, {1, 0, 10}, 1, 4));
  EXPECT_DOUBLE_EQ(all - blocks, 12 * 8 * (100 - (4 * 4 + 4 * 8 + 2 * 10)));
}

TEST(GemmFloor, TakesTimeAndSharesTheBatch) {
  const ModelConfig model{
      .model = "decoder", .layers = 1, .heads = 2, .d_model = 16, .d_ff = 16, .target_vocabulary = 9};
  WorkerPool workers(2);
  GemmFloor floor(model, {3, 0, 8}, workers);
  EXPECT_GT(floor.measure(), 0);
  EXPECT_EQ(floor.shards(), 2);
  EXPECT_LE(floor.flop(), flop_of(products_of_step(model, {3, 0, 8}, 3, 0)));
}

TEST(RangeOf, MedianOfEvenAndOddCounts) {
  EXPECT_EQ(range_of({3, 1, 2}).median, 2);
  EXPECT_EQ(range_of({4, 1, 2, 3}).median, 2.5);
  EXPECT_EQ(range_of({4, 1, 2, 3}).min, 1);
  EXPECT_EQ(range_of({4, 1, 2, 3}).max, 4);
}

// Other work on the cores hides what they can: more than all of it is no share.
TEST(ShareOfPeak, IsNoneWhereTheStepsWereFaster) {
  EXPECT_EQ(share_of_peak(16, 64), 0.25);
  EXPECT_EQ(share_of_peak(64, 64), 1);
  EXPECT_EQ(share_of_peak(68.9, 64.3), std::nullopt);
  EXPECT_EQ(share_of_peak(1, 0), std::nullopt);
}

TEST(Peer, TheLastObjectCounts) {
  const PeerResult peer = run_peer(
      "echo '{\"step_ms_median\": 1}'; echo warming up; echo '{\"step_ms_median\": 2.5, \"peak_rss_bytes\": 77}'");
  EXPECT_EQ(peer.step_ms_median, 2.5);
  EXPECT_EQ(peer.peak_rss_bytes, 77);
}

TEST(Peer, WhatCannotBeComparedIsRefused) {
  EXPECT_THAT([] { run_peer("echo hello"); }, ThrowsMessage<ConfigError>(HasSubstr("prints no JSON object")));
  EXPECT_THAT([] { run_peer("exit 3"); }, ThrowsMessage<ConfigError>(HasSubstr("ended with status 3")));
  EXPECT_THAT([] { run_peer("echo '{\"step_ms_median\": \"x\"}'"); }, ThrowsMessage<ConfigError>(HasSubstr("--json")));
  EXPECT_THAT([] { run_peer("echo '{\"step_ms_median\": 0}'"); }, ThrowsMessage<ConfigError>(HasSubstr("0 ms")));
}

std::vector<std::string> tiny_bench(const std::vector<std::string>& more) {
  std::map<std::string, std::string> options{{"--model", "decoder"}, {"--layers", "1"},     {"--heads", "2"},
                                             {"--d-model", "8"},     {"--d-ff", "8"},       {"--batch", "4"},
                                             {"--length", "6"},      {"--vocabulary", "9"}, {"--threads", "2"},
                                             {"--seconds", "0.01"},  {"--rounds", "1"}};
  for (const std::string& word : more) options.erase(word);
  std::vector<std::string> words{"bench"};
  for (const auto& [name, value] : options) words.insert(words.end(), {name, value});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(BenchCommand, SaysWhatAStepCosts) {
  const Ran ran = run(tiny_bench({"--json", "--profile"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const auto json = ran.json();
  EXPECT_GT(json["step_ms_median"], 0);
  EXPECT_GT(json["gemm_floor_ms"], 0);
  EXPECT_GT(json["fma_peak_gflops"], 0);
  EXPECT_GT(json["peak_rss_bytes"], 0);
  const auto allocations = json["allocations_per_step"];
  EXPECT_TRUE(allocations.is_null() || allocations == 0) << allocations;
  // embedding 9·8, output 8·9 + 9, attention 4·(8·8 + 8), feed-forward 2·(8·8 + 8), three norms of 16
  EXPECT_EQ(json["parameters"], 72 + 81 + 288 + 144 + 48);
  bool has_attention = false;
  for (const auto& op : json["profile"]) has_attention |= op["op"] == "attention" && op["backward_ms"] > 0;
  EXPECT_TRUE(has_attention);
}

TEST(BenchCommand, CountsAllocationsInTheProgramItself) {
  if (kPoisons) GTEST_SKIP() << "a sanitizer keeps its own malloc";
  // The peer gives no answer if it inherits the counting library.
  const std::string peer = R"(test -z "$LD_PRELOAD" && echo {\"step_ms_median\": 1})";
  std::string command = std::string("'") + TAPEHEAD_PROGRAM + "'";
  for (const std::string& word : tiny_bench({"--json", "--against", peer})) command += " '" + word + "'";
  const Ran ran = shell_command(command);
  ASSERT_EQ(ran.status, 0);
  EXPECT_EQ(ran.json()["allocations_per_step"], 0);
}

TEST(BenchCommand, AllOtherCommandsKeepTheSystemsMalloc) {
  if (kPoisons) GTEST_SKIP() << "a sanitizer has its own malloc";
  const auto defines_malloc = [](const std::string& file) {
    return shell_command("readelf --wide --dyn-syms --symbols '" + file + "' | grep -c 'FUNC.* [0-9]* malloc$'").out !=
           "0\n";
  };
  EXPECT_FALSE(defines_malloc(TAPEHEAD_PROGRAM));
  const std::filesystem::path folder = std::filesystem::path(TAPEHEAD_PROGRAM).parent_path();
  EXPECT_TRUE(defines_malloc((folder / "libtapehead-allocations.so").string())) << "what is looked for is seen";
}

TEST(BenchCommand, ComparesWithAnotherCommand) {
  const Ran ran = run(tiny_bench({"--json", "--rounds", "2", "--against", "echo '{\"step_ms_median\": 1000}'"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const auto against = ran.json()["against"];
  EXPECT_EQ(against["step_ms_median"], 1000);
  EXPECT_EQ(against["rounds"], 2);
  EXPECT_GE(against["ratio_max"], against["ratio_min"]);
}

TEST(BenchCommand, DoubleHasNoFloor) {
  const Ran ran = run(tiny_bench({"--json", "--precision", "double"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(ran.json()["gemm_floor_ms"].is_null());
}

TEST(BenchCommand, RefusesWhatMakesNoStep) {
  EXPECT_EQ(run(tiny_bench({"--vocabulary", "4"})).status, 2);
  EXPECT_EQ(run(tiny_bench({"--heads", "3"})).status, 2);
  EXPECT_EQ(run(tiny_bench({"--task", "copy"})).status, 2);
  EXPECT_EQ(run(tiny_bench({"--against", "false"})).status, 2);
}

}  // namespace
}  // namespace tapehead
