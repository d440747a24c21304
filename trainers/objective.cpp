#include "trainers/objective.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/attention.hpp"
#include "layers/pass.hpp"

namespace tapehead {
namespace {

// Where attention keeps whole maps up to a size and works in tiles above it: lengths whose maps come next to that size.
std::vector<std::pair<std::int64_t, std::int64_t>> loads_of_attention(const Model& model, BatchLayout layout,
                                                                      const ExampleShape& longest) {
  const std::int64_t source = longest.source;
  const std::int64_t target = longest.target;
  std::vector<std::pair<std::int64_t, std::int64_t>> loads;
  const auto add = [&](std::int64_t s, std::int64_t t) {
    const std::pair load(std::clamp<std::int64_t>(s, 0, source), std::clamp<std::int64_t>(t, 0, target));
    if (load != std::pair(source, target) && std::ranges::find(loads, load) == loads.end()) loads.push_back(load);
  };
  constexpr std::int64_t most = AttentionOptions::kTiledFrom - 1;  // pairs of a query and a key in a whole map
  const auto edge = static_cast<std::int64_t>(std::sqrt(static_cast<double>(most)));
  if (layout == BatchLayout::decoder_only) {
    const std::int64_t half = std::min(source, edge / 2 - 2);
    add(half, edge - half - 2);
  } else {
    add(edge - 1, edge - 1);
    if (!model.spec().reads.has(Column::input)) return loads;  // a token in the place of each: lengths are equal
    add(most / (target + 1) - 1, target);
    add(source, most / (source + 1) - 1);
  }
  return loads;
}

}  // namespace

BatchLayout batch_layout(const Model& model, const Dataset& dataset) {
  const BatchLayout layout = batch_layout(dataset, model.reads_source());
  require_columns("model " + model.spec().name, model.spec().reads, dataset.shape().data,
                  columns_of(dataset.shape(), layout));
  if (!dataset.has_source() && dataset.shape().channels > 0 && !model.spec().reads_features()) {
    throw ConfigError(
        fmt::format("model {} does not read `features`, and nothing else in {} says what the target is; take a model "
                    "that reads them",
                    model.spec().name, dataset.shape().data));
  }
  return layout;
}

template <RealScalar T>
Objective<T> objective_of(const Model& model, const Dataset& dataset, double label_smoothing) {
  const BatchLayout layout = batch_layout(model, dataset);
  const auto loss = [&model, label_smoothing](Tape<T>& tape, const BatchView& shard, const Pass& pass) {
    return model.loss(tape, shard, pass, label_smoothing);
  };
  return {.loss = loss, .columns = layout, .loads = loads_of_attention(model, layout, dataset.shape())};
}

template Objective<float> objective_of(const Model&, const Dataset&, double);
template Objective<double> objective_of(const Model&, const Dataset&, double);

}  // namespace tapehead
