// `--like`: options that make the layers of a published model.

#include "experiments/options/likenesses.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "experiments/options/run_config.hpp"
#include "experiments/runs/grid.hpp"
#include "layers/models/model.hpp"
#include "layers/models/spec.hpp"
#include "layers/pass.hpp"
#include "layers/probe.hpp"
#include "tests/experiments/program_support.hpp"
#include "tests/support/token_batch.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

Settings settled(const std::vector<std::pair<std::string, std::string>>& options, const std::string& preset = "copy") {
  Settings settings;
  for (const auto& [name, value] : options) settings.set(name, value);
  read_preset_or_config(settings, preset);
  settle(settings);
  return settings;
}

// The same beside a preset whose data it can read.
Settings settled_like(const std::string& like) {
  if (like == "vit") return settled({{"like", like}, {"train", "images.csv"}}, "digits");
  return settled({{"like", like}});
}

// Each value that the file of a likeness sets does something, and arrives.
TEST(Likenesses, SetWhatTheySay) {
  ASSERT_EQ(likeness_names(), "none bert gpt2 llama marian t5 vit");
  for (const Preset& likeness : likenesses()) {
    Settings said;
    said.read_config(likeness.text, Origin::preset, "file");
    const Settings settings = settled_like(std::string(likeness.name));
    int values = 0;
    for (const OptionSpec& option : option_table()) {
      if (!said.given(option.name)) continue;
      EXPECT_TRUE(settings.given(option.name)) << likeness.name << ": " << option.name << " does nothing";
      EXPECT_EQ(settings.text(option.name), said.text(option.name)) << likeness.name << ": " << option.name;
      ++values;
    }
    EXPECT_GT(values, 10) << likeness.name;
    EXPECT_EQ(settings.text("layers"), likeness.name == "vit" ? "3" : "1") << "sizes are the preset's";
    EXPECT_NE(settings.config_text().find(fmt::format("like = {}\n", likeness.name)), std::string::npos);
  }
}

// Of their published sizes they have as many parameters as their authors' programs count: GPT-2 small, LLaMA 7B, BERT
// base, T5 small, ViT-B/16 and an OPUS-MT model. What is left out here, or is one per layer, is said beside them.
TEST(Likenesses, OfPublishedSizesHaveThePublishedParameters) {
  struct Published {
    const char* like;
    std::int64_t layers, heads, d_model, d_ff, positions, vocabulary, parameters;
  };
  constexpr std::int64_t kPooler = 768 * 768 + 768, kSegments = 2 * 768, kMaskedBias = 30522;  // of BERT
  constexpr std::int64_t kOwnBiases = (12 - 2) * 32 * 8;                                       // T5 has one a stack
  constexpr std::int64_t kSinusoids = 2 * 512 * 512, kMarianBias = 58101;  // OPUS-MT: tables counted, a bias not
  for (const auto& [like, layers, heads, d_model, d_ff, positions, vocabulary, parameters] :
       {Published{"gpt2", 12, 12, 768, 3072, 1024, 50257, 124439808},
        Published{"llama", 32, 32, 4096, 11008, 2048, 32000, 6738415616},
        Published{"bert", 12, 12, 768, 3072, 512, 30522, 109482240 - kPooler - kSegments + kMaskedBias},
        Published{"t5", 6, 8, 512, 2048, 512, 32128, 60506624 + kOwnBiases},
        // ViT-B/16 of images of 224 × 224 in three colours; classes have reserved ids beside them.
        Published{"vit", 12, 12, 768, 3072, 14 * 14 + 1, 1000 + kFirstFreeId, 86567656 + kFirstFreeId * (768 + 1)},
        Published{"marian", 6, 8, 512, 2048, 512, 58101, 74410496 - kSinusoids + kMarianBias}}) {
    ModelConfig config = make_run_config(settled_like(like)).model;
    config.layers = layers;
    config.heads = heads;
    config.d_model = d_model;
    config.d_ff = d_ff;
    config.max_positions = positions;
    config.source_vocabulary = config.target_vocabulary = vocabulary;
    if (reads_features(config)) config.features = {16 * 16 * 3, 14, 14};
    EXPECT_EQ(Model(config).layout().parameter_count(), parameters) << like;
  }
}

// Scores that softmax makes something of: of a deviation about one, whether they are divided by √d_k or drawn so.
TEST(Likenesses, BeginWithScoresOfADeviationAboutOne) {
  std::vector<std::int32_t> ids(64);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = kFirstFreeId + static_cast<std::int32_t>(i * 7 % 50);
  const std::vector<std::int32_t> lengths{64};
  const TokenView tokens{ids.data(), lengths.data(), 64, 64, 1};
  for (const Preset& likeness : likenesses()) {
    if (likeness.name == "vit") continue;  // it reads no tokens
    ModelConfig config = make_run_config(settled({{"like", std::string(likeness.name)}})).model;
    config.heads = 2;
    config.d_model = 128;
    config.max_positions = 64;
    config.source_vocabulary = config.target_vocabulary = 60;
    if (config.initialisation == "normal") continue;  // of one deviation, whatever the width
    const Model model(config);
    ParameterStore<float> parameters(model.layout());
    parameters.initialise(1);
    Tape<float> tape(parameters);
    int seen = 0;
    const ProbeAt probe({What::scores}, [&](const Site& site, Var<float> scores) {
      double squares = 0;
      for (std::int64_t i = 0; i < scores.shape().size(); ++i) {
        squares += static_cast<double>(scores.data()[i]) * static_cast<double>(scores.data()[i]);
      }
      const double deviation = std::sqrt(squares / static_cast<double>(scores.shape().size()));
      EXPECT_GT(deviation, 0.5) << likeness.name << " " << site.layer;
      EXPECT_LT(deviation, 2) << likeness.name << " " << site.layer;
      ++seen;
    });
    model.features(tape, testing_support::token_batch(tokens, tokens, tokens), Pass{.probe = &probe});
    EXPECT_GT(seen, 0) << likeness.name;
  }
}

TEST(Likenesses, GiveWayToWhatWasSetAsStronglyAndNotToPresets) {
  EXPECT_EQ(settled({{"like", "gpt2"}}).text("model"), "decoder") << "the preset says transformer";
  EXPECT_EQ(settled({{"like", "gpt2"}, {"norm", "post"}}).text("norm"), "post");
  EXPECT_EQ(settled({{"like", "gpt2"}, {"norm", "post"}}).text("activation"), "gelu_tanh");
  // What does nothing beside the user's own choice is dropped, not refused.
  EXPECT_EQ(settled({{"like", "gpt2"}, {"feed-forward", "none"}}).text("activation"), "relu");

  const auto of_file = [](const std::string& text, const std::string& like) {
    Settings settings;
    if (!like.empty()) settings.set("like", like);
    settings.read_config(text, Origin::file, "my.cfg");
    settle(settings);
    return settings;
  };
  EXPECT_EQ(of_file("like = gpt2\nnorm = post\n", "").text("norm"), "post");
  EXPECT_EQ(of_file("like = gpt2\nnorm = post\n", "").text("positions"), "learned");
  EXPECT_EQ(of_file("norm = post\n", "gpt2").text("norm"), "post") << "what somebody wrote stays";
  EXPECT_EQ(of_file("norm = post\n", "gpt2").text("positions"), "learned");
  EXPECT_EQ(of_file("like = t5\n", "gpt2").text("positions"), "learned");
  // What a run wrote makes the same run again.
  const std::string saved = settled({{"like", "t5"}, {"norm", "both"}, {"scale", "inv_dk"}}).config_text();
  Settings again;
  again.read_config(saved, Origin::saved, "config.cfg");
  settle(again);
  EXPECT_EQ(again.config_text(), saved);
}

// One rule for all: what does not apply, or cannot be, beside what somebody chose is left out and named, never refused.
TEST(Likenesses, AreTakenByEveryFamilyAsFarAsTheyApply) {
  const std::string images = testing::TempDir() + "tapehead_likenesses.csv";
  std::ofstream(images) << "0,1,2,3,a\n3,2,1,0,b\n";
  std::istringstream models{find_option("model")->choices};
  for (std::string model; models >> model;) {
    for (const Preset& likeness : likenesses()) {
      const std::string like(likeness.name);
      std::vector<std::string> words{"summary", "copy", "--like", like, "--model", model};
      if (model_spec(model).reads_features()) {
        words[1] = "digits";
        words.insert(words.end(), {"--train", images});
      }
      const Ran ran = run(words);
      EXPECT_EQ(ran.status, 0) << model << " " << ran.err;
      if (model == "rnn") {
        EXPECT_THAT(ran.err, testing::AllOf(testing::StartsWith("like " + like + ": positions, norm, "),
                                            testing::EndsWith(" do not apply to model rnn\n")));
      }
    }
  }
  EXPECT_EQ(run({"summary", "copy", "--like", "gpt2"}).err, "");
  EXPECT_EQ(run({"summary", "copy", "--like", "t5", "--mixer", "linear"}).err,
            "like t5: positions does not apply to mixer linear; buckets, furthest do not apply to positions "
            "sinusoidal\n");
  EXPECT_EQ(run({"summary", "copy", "--like", "gpt2", "--feed-forward", "none"}).err,
            "like gpt2: activation, feed-forward-bias, feed-forward-dropout do not apply to feed-forward none\n");
  EXPECT_EQ(run({"summary", "copy", "--like", "gpt2", "--norm", "none", "--norm-bias", "yes"}).err,
            "tapehead: --norm-bias: does nothing without --norm-kind, which does nothing without --norm pre or post or "
            "both or --embedding-norm\n")
      << "the user's own options are refused as ever";
}

TEST(Likenesses, ThatAreLeftOutInPartAreToldOfOnceInAGrid) {
  EXPECT_THAT(run({"ablate", "copy", "--model", "rnn", "--vary", "like=gpt2,bert", "--steps", "1", "--warmup", "0",
                   "--seeds", "2", "--out", testing::TempDir() + "/tapehead_likenesses"})
                  .err,
              testing::AllOf(HasSubstr("\nlike gpt2: positions, norm, "), HasSubstr("\nlike bert: positions, norm, ")));
  std::filesystem::remove_all(testing::TempDir() + "/tapehead_likenesses");
}

TEST(Likenesses, CanBeVaried) {
  Settings base;
  read_preset_or_config(base, "copy");
  base.set("norm-kind", "layer");
  const std::vector<Variation> variations{parse_variation("like=gpt2,llama")};
  std::vector<std::string> activations;
  for (const Cell& cell : expand_grid(variations)) {
    Settings settings = cell.settings(base, variations);
    settle(settings);
    activations.push_back(settings.text("activation") + " " + settings.text("norm-kind"));
  }
  EXPECT_THAT(activations, testing::ElementsAre("gelu_tanh layer", "silu layer"));
}

TEST(Likenesses, AreRefusedByNameWhereThereAreNone) {
  EXPECT_EQ(run({"train", "copy", "--like", "bart", "--out", "/nowhere"}).err,
            "tapehead: --like: \"bart\" is none of none, bert, gpt2, llama, marian, t5, vit\n");
}

TEST(Likenesses, SayWhereAValueCameFrom) {
  EXPECT_THAT(run({"summary", "copy", "--like", "gpt2", "--heads", "3"}).err,
              HasSubstr("heads: 3 heads do not divide d-model 64"));
  EXPECT_THAT(run({"train", "copy", "--like", "llama", "--norm-bias", "no", "--out", "/nowhere"}).err,
              HasSubstr("--norm-bias: does not apply to norm-kind rms (like llama); it is for norm-kind layer"));
  const auto list = run({"list", "likenesses", "--json"}).json()["likenesses"];
  EXPECT_THAT(list[1]["description"].get<std::string>(),
              testing::AllOf(HasSubstr("Radford et al. 2019"), HasSubstr("model decoder"), HasSubstr("tie output")));
}

}  // namespace
}  // namespace tapehead
