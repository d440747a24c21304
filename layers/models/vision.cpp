#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "layers/feature_embedding.hpp"
#include "layers/models/family.hpp"
#include "layers/models/places_state.hpp"
#include "layers/models/spec.hpp"
#include "layers/pooling.hpp"
#include "layers/stacks.hpp"

namespace tapehead {
namespace {

FeatureEmbedding::Options feature_options(const ModelConfig& config) {
  const Embedding::Options shared = embedding_options(config, 0);
  const bool first = parse_pooling(config.pooling) == Pooling::first;
  const bool grid = config.positions == "sinusoidal_2d";
  return {.features = config.features.channels,
          .channels = config.d_model,
          .class_token = first,
          .positions = grid ? PositionKind::sinusoidal : shared.positions,
          .max_positions = grid ? config.max_positions : shared.max_positions,
          .grid = grid ? PositionGrid{config.features.rows, config.features.columns, first ? 1 : 0} : PositionGrid{},
          .dropout = config.dropout,
          .norm = shared.norm};
}

/// A vision transformer (Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words"): patches of an image as the sequence
/// of an encoder, and the class of the image as the only token that is said. It is told from a class token before the
/// patches, or from the mean of all (§D.3). Parameters `embedding.*`, `encoder.*`, `output.*`.
struct Vision {
  Vision(const Scope& scope, const ModelConfig& config)
      : embedding(scope / "embedding", feature_options(config)),
        encoder(scope / "encoder", stack_options(config)),
        output(scope / "output", output_options(config)),
        pooling(parse_pooling(config.pooling)),
        grid(config.features) {}

  // features (F, N, B) → (C, 1, B).
  template <Scalar T>
  Var<T> encode(Tape<T>& tape, const FeatureView& features, const Pass& pass) const {
    for (std::int64_t b = 0; b < features.examples; ++b) {
      if (features.channels == grid.channels && features.lengths[b] == grid.positions()) continue;
      throw DataError(fmt::format("model vision: an example has {} positions of {} numbers, and it reads {} of {}",
                                  features.lengths[b], features.channels, grid.positions(), grid.channels));
    }
    return pooled(encoder(embedding(tape, features, pass), Mask{}, pass), pooling);
  }

  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    if (batch.has(Column::expected) && batch.expected().positions != 1) {
      throw DataError(fmt::format("model vision: {} tokens are to be said of an example, and it says one, with no end",
                                  batch.expected().positions));
    }
    return encode(tape, batch.features(), pass);
  }

  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>& tape, const Sources& sources) const {
    if (sources.features() == nullptr) throw ConfigError("model vision reads features, and it is given tokens");
    const NoGrad<T> no_grad(tape);
    return std::make_unique<PlacesState<T>>(output(encode(tape, *sources.features(), Pass{})),
                                            std::vector<std::int32_t>(sources.size(), 1));
  }

  FeatureEmbedding embedding;
  Encoder encoder;
  Linear output;
  Pooling pooling;
  FeatureGrid grid;
};

double values(const ModelConfig& config, const SequenceLengths& /*images are all alike*/) {
  const auto numbers = static_cast<double>(config.features.channels * config.features.positions());
  // What is projected, and once more behind a class token.
  const double projected = static_cast<double>(config.d_model * config.max_positions);
  return numbers + projected + embedding_values(config, config.max_positions) +
         stack_values(config, config.max_positions, 0) + output_values(config, 1);
}

double shared_values(const ModelConfig& config, const SequenceLengths& /*longest*/) {
  return stack_shared_values(config, config.max_positions);
}

void check(const ModelConfig& config) {
  const auto [channels, rows, columns] = config.features;
  if (channels < 1 || rows < 1 || columns < 1) {
    throw ConfigError("model: vision reads features of a grid, and the data have none");
  }
  if (config.max_positions != positions_of_features(config)) {
    throw ConfigError(fmt::format("max-positions: of images they are the patches and the class token, {}, not {}",
                                  positions_of_features(config), config.max_positions));
  }
  if (config.position_range > 0) {
    throw ConfigError(
        "position-range: images have all one size, so nothing is learnt from other positions; leave it out");
  }
  if (config.positions == "sinusoidal_2d" && config.d_model % 4 != 0) {
    throw ConfigError(fmt::format("positions: sinusoidal_2d needs a d-model that 4 divides, not {}", config.d_model));
  }
}

}  // namespace

ModelSpec model_spec_vision() {
  ModelConfig base{.model = "vision", .layers = 2, .heads = 2, .d_model = 8, .d_ff = 8, .positions = "learned"};
  base.dropout = 0.2;
  ModelConfig mean = base;
  mean.layers = 1;
  mean.pooling = "mean";
  mean.positions = "sinusoidal_2d";
  mean.norm = "post";
  ModelConfig grid = base;
  grid.layers = 1;
  grid.positions = "sinusoidal_2d";
  std::vector<ModelSpec::Case> cases = block_cases(base);
  cases.insert(cases.begin(), {{"class_token", base}, {"mean_grid_post", mean}, {"class_token_grid", grid}});
  return {.name = "vision",
          .description = "encoder over the patches of an image, which says its class",
          .reads = {Column::features, Column::expected},
          .check = check,
          .make = make_family<Vision>,
          .values = values,
          .shared_values = shared_values,
          .usual_positions = "learned",
          .cases = cases};
}

}  // namespace tapehead
