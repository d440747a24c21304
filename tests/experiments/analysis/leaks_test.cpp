// Leaks of every kind, planted in forward and backward pass alike: no gradient check sees one, and each is found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "autograd/base/errors.hpp"
#include "autograd/check/check.hpp"
#include "autograd/masks/causal.hpp"
#include "autograd/ops/add.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/masked_softmax.hpp"
#include "autograd/ops/matmul.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/slice.hpp"
#include "autograd/ops/transpose.hpp"
#include "experiments/analysis/leak_report.hpp"
#include "experiments/analysis/leak_subjects.hpp"
#include "layers/models/family.hpp"
#include "layers/models/spec.hpp"
#include "trainers/model_problem.hpp"

namespace tapehead {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

enum class Plant {
  none,
  no_causal_mask,   // an output sees all of the input
  one_too_far,      // and the next place
  wrong_axis,       // weights are normalised over queries, later ones included
  no_length_mask,   // padding is attended to
  another_example,  // a little of the example before
  answer,           // what is to be said is looked up
  length,           // outputs grow with the length of the batch: there is no derivative
};

// Query q may attend what stands at its place or behind.
struct Behind {
  KeyRange hull(const MaskSite& at, std::int64_t query) const { return {query, at.keys}; }
  bool allows(const MaskSite&, std::int64_t query, std::int64_t key) const { return key >= query; }
  Cover cover(const MaskSite&, const MaskTile&) const { return Cover::some; }
};

template <Plant plant>
struct Leaky {
  Leaky(const Scope& scope, const ModelConfig& config)
      : source_embedding(scope / "source_embedding", embedding_options(config, config.source_vocabulary)),
        target_embedding(scope / "target_embedding", embedding_options(config, config.target_vocabulary)),
        encoder(scope / "encoder", stack_options(config)),
        decoder(scope / "decoder", stack_options(config)),
        output(scope / "output", {config.d_model, config.target_vocabulary}) {}

  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    const Mask padding = plant == Plant::no_length_mask ? Mask::everything() : Mask::padding(batch.source());
    const Mask causal = plant == Plant::no_causal_mask ? Mask::everything()
                        : plant == Plant::one_too_far  ? Mask(Causal{1})
                                                       : Mask::causal();
    const Var<T> memory = encoder(source_embedding(tape, batch.source(), pass), padding, pass);
    Var<T> x = target_embedding(tape, batch.input(), pass);
    if (plant == Plant::answer) x = add(x, target_embedding(tape, batch.expected(), pass));
    x = decoder(x, memory, causal, padding, pass);
    const std::int64_t examples = x.shape().slices;
    if (plant == Plant::wrong_axis) {
      const Var<T> scores = scale(matmul(x, x, Transpose::yes), 0.1);  // (K, Q, B)
      x = add(x, matmul(x, transpose(masked_softmax(transpose(scores), Behind{}, 1))));
    }
    if (plant == Plant::another_example && examples > 1) {
      const std::array parts{slice(x, Axis::slices, examples - 1, 1), slice(x, Axis::slices, 0, examples - 1)};
      x = add(x, scale(concatenate<T>(parts, Axis::slices), 1e-6));
    }
    if (plant == Plant::length) {
      std::int64_t tokens = 0;
      for (std::int64_t b = 0; b < examples; ++b) tokens += batch.input().lengths[b];
      x = scale(x, 1 + 1e-3 * static_cast<double>(tokens));
    }
    return x;
  }

  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>&, const Sources&) const {
    throw ConfigError("a leaky model writes nothing");
  }

  Embedding source_embedding, target_embedding;
  Encoder encoder;
  CrossDecoder decoder;
  Linear output;
};

template <Plant plant>
ModelSpec leaky_spec() {
  return {.name = "leaky",
          .description = "a transformer with a leak",
          .reads = {Column::source, Column::input, Column::expected},
          .check = [](const ModelConfig&) {},
          .make = make_family<Leaky<plant>>,
          .values = [](const ModelConfig&, const SequenceLengths&) { return 1e6; }};
}

struct Sample {
  ModelSpec spec;
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Batch> batch;
};

template <Plant plant>
Sample sample_of() {
  // The data, and what follows from them, of a transformer.
  const ModelSample like = model_sample({.layers = 1, .heads = 2, .d_model = 8, .d_ff = 8}, 1);
  Sample sample{leaky_spec<plant>(), nullptr, like.batch};
  sample.model = std::make_shared<const Model>(like.model->config(), sample.spec);
  return sample;
}

template <Plant plant>
ModelLeaks leaks_of() {
  const Sample sample = sample_of<plant>();
  return find_leaks("leaky", sample.model, parameters_for_leaks(*sample.model), *sample.batch);
}

// What a gradient check says of a model: all is well.
template <Plant plant>
void expect_right_gradients() {
  const Sample sample = sample_of<plant>();
  const CheckReport report = check_problem(
      {"models/leaky", [&](std::uint64_t seed) { return model_problem(sample.model, sample.batch, {.seed = seed}); }},
      {.second_order = false});
  EXPECT_TRUE(report.passed()) << report.text();
}

template <Plant plant>
void expect_found(Leak leak, bool has_derivative) {
  expect_right_gradients<plant>();
  const ModelLeaks leaks = leaks_of<plant>();
  EXPECT_FALSE(leaks.passed());
  EXPECT_TRUE(leaks.has(leak));
  const auto by_derivative = [](const LeakFinding& f) { return f.forward != 0 && f.backward != 0; };
  const auto forward = [](const LeakFinding& f) { return f.forward != 0; };
  const bool derivative = leak == Leak::example ? std::ranges::any_of(leaks.findings, forward)
                                                : std::ranges::any_of(leaks.findings, by_derivative);
  EXPECT_EQ(derivative, has_derivative);
  EXPECT_TRUE(std::ranges::any_of(leaks.findings, [&](const LeakFinding& f) {
    return f.leak == leak && f.changed != 0;
  })) << "exchanged tokens show it, too";
  EXPECT_THAT(leak_table({leaks}, 80), HasSubstr(std::string("leaky: ") + name_of(leak) + ": "));
}

TEST(PlantedLeaks, NoneIsFoundWhereNoneIs) {
  const ModelLeaks leaks = leaks_of<Plant::none>();
  EXPECT_TRUE(leaks.passed()) << leak_table({leaks}, 200);
  for (int kind = 0; kind < kLeaks; ++kind) {
    EXPECT_GT(leaks.derivatives.pairs[kind] + leaks.exchanges[kind], 0) << name_of(static_cast<Leak>(kind));
  }
}

TEST(PlantedLeaks, AMissingCausalMaskIsFound) { expect_found<Plant::no_causal_mask>(Leak::future, true); }
TEST(PlantedLeaks, AMaskOnePlaceTooFarIsFound) { expect_found<Plant::one_too_far>(Leak::future, true); }
TEST(PlantedLeaks, WeightsNormalisedAlongTheWrongAxisAreFound) { expect_found<Plant::wrong_axis>(Leak::future, true); }
TEST(PlantedLeaks, AttendedPaddingIsFound) { expect_found<Plant::no_length_mask>(Leak::padding, true); }
TEST(PlantedLeaks, AMillionthOfAnotherExampleIsFound) { expect_found<Plant::another_example>(Leak::example, true); }
TEST(PlantedLeaks, ALengthThatIsNotKnownYetIsFoundWithoutADerivative) {
  expect_found<Plant::length>(Leak::future, false);
  EXPECT_TRUE(leaks_of<Plant::length>().has(Leak::example));
}

TEST(PlantedLeaks, AnAnswerThatIsLookedUpIsFound) {
  expect_right_gradients<Plant::answer>();
  const ModelLeaks leaks = leaks_of<Plant::answer>();
  EXPECT_TRUE(leaks.has(Leak::answer));
  EXPECT_FALSE(leaks.has(Leak::padding));
  EXPECT_THAT(leak_table({leaks}, 200), HasSubstr("with expected tokens"));
}

TEST(PlantedLeaks, ThePictureMarksThem) {
  const ModelLeaks leaks = leaks_of<Plant::one_too_far>();
  EXPECT_THAT(leak_maps(leaks, HeatMapStyle::ascii, 80), HasSubstr("XX"));
  EXPECT_THAT(leak_svg({leaks}), HasSubstr(">X</text>"));
  EXPECT_THAT(leak_svg({leaks_of<Plant::none>()}), Not(HasSubstr(">X</text>")));
  EXPECT_THAT(leak_json({leaks}), HasSubstr("\"status\":\"failed\""));
}

TEST(Leaks, AModelThatKnowsNothingDoesNotPass) {
  ModelLeaks leaks = leaks_of<Plant::none>();
  leaks.derivatives.influencing = 0;
  EXPECT_FALSE(leaks.passed());
  EXPECT_THAT(leak_table({leaks}, 80), HasSubstr("NOTHING REACHES IT"));
}

// The presets are the ones that people run; all models are among the subjects as well.
TEST(Leaks, NoPresetAndNoModelHasOne) {
  std::vector<std::string> names;
  for (const LeakSubject& subject : leak_subjects("")) {
    names.push_back(subject.name);
    const ModelLeaks leaks = subject.find();
    EXPECT_TRUE(leaks.passed()) << leak_table({leaks}, 200);
    const bool padded = !subject.name.starts_with("models/vision/");  // images are all alike
    EXPECT_EQ(leaks.derivatives.pairs[static_cast<int>(Leak::padding)] > 0, padded) << subject.name;
    EXPECT_GT(leaks.exchanges[static_cast<int>(Leak::answer)], 0) << subject.name;
  }
  EXPECT_THAT(names, Contains("presets/copy"));
  EXPECT_THAT(names, Contains("models/encoder/two_layers"));
}

TEST(Leaks, ThePatternChooses) {
  EXPECT_EQ(leak_subjects("presets/reverse").size(), 1U);
  EXPECT_EQ(leak_subjects("decoder/*").size(), model_spec("decoder").cases.size());
  EXPECT_THROW(leak_subjects("decodr"), ConfigError);
}

}  // namespace
}  // namespace tapehead
