#include "layers/recurrent/recurrent_encoder.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>

#include "autograd/base/errors.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/last_column.hpp"
#include "autograd/ops/reshape.hpp"
#include "autograd/ops/slice.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

// Parts of the states of two directions, beside each other: the h of both, then the c of both.
template <Scalar T>
Var<T> beside(Var<T> one, Var<T> other, std::int64_t states) {
  constexpr std::size_t kMost = 4;
  std::array<Var<T>, 2 * kMost> parts;
  const std::int64_t width = one.shape().rows / states;
  std::size_t count = 0;
  for (std::int64_t s = 0; s < states; ++s) {
    for (const Var<T>& each : {one, other}) {
      parts.at(count++) = states == 1 ? each : slice(each, Axis::rows, s * width, width);
    }
  }
  return concatenate(std::span<const Var<T>>(parts.data(), count), Axis::rows);
}

}  // namespace

RecurrentEncoder::RecurrentEncoder(const Scope& scope, const Options& o) {
  if (o.bidirectional && o.channels % 2 != 0) {
    throw ConfigError(fmt::format("{}: two directions cannot share {} channels evenly", scope.path(), o.channels));
  }
  for (std::int64_t i = 0; i < o.layers; ++i) {
    const Scope level = scope / "layers" / std::to_string(i);
    RecurrentLayer::Options one{
        .cell = o.cell, .channels = o.channels, .width = o.bidirectional ? o.channels / 2 : o.channels};
    RecurrentLayer forward(level / "forward", one);
    std::optional<RecurrentLayer> backward;
    one.backwards = true;
    if (o.bidirectional) backward.emplace(level / "backward", one);
    levels.push_back({level.path(), std::move(forward), std::move(backward), Dropout(level, o.dropout)});
  }
}

template <Scalar T>
Encoded<T> RecurrentEncoder::operator()(Var<T> x, const std::int32_t* lengths, const Pass& pass) const {
  auto* last = x.tape().template allocate_as<Var<T>>(std::ssize(levels));
  std::uninitialized_default_construct_n(last, levels.size());
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const auto& [path, forward, backward, dropout] = levels[i];
    const Var<T> forth = forward(x, lengths);
    Var<T> said = forward.hidden(forth);
    last[i] = last_column(forth, lengths);
    if (backward) {
      const Var<T> back = (*backward)(x, lengths);
      const std::array<Var<T>, 2> both{said, backward->hidden(back)};
      said = concatenate<T>(both, Axis::rows);
      last[i] = beside(last[i], slice(back, Axis::columns, 0, 1), forward.spec->states);  // it ends at the front
    }
    x = pass.shown({path, AttentionRole::none, What::stream, 1}, dropout(said, pass));
  }
  return {x, {last, levels.size()}};
}

template Encoded<float> RecurrentEncoder::operator()(Var<float>, const std::int32_t*, const Pass&) const;
template Encoded<double> RecurrentEncoder::operator()(Var<double>, const std::int32_t*, const Pass&) const;
template Encoded<std::complex<double>> RecurrentEncoder::operator()(Var<std::complex<double>>, const std::int32_t*,
                                                                    const Pass&) const;

LayerSpec layer_spec_recurrent_encoder() {
  std::vector<ProblemCase> cases;
  const auto with = [&](const std::string& label, const RecurrentEncoder::Options& options) {
    // What it says and the last states, side by side.
    cases.push_back(layer_case(
        "recurrent_encoder/" + label, {sample_activations()},
        [options](const Scope& scope) { return RecurrentEncoder(scope, options); },
        [](const RecurrentEncoder& layer, auto&, auto x) {
          const auto [columns, last] = layer(x[0], kSampleLengths, Pass{.training = true, .seed = 5});
          std::vector parts{reshape(columns, {columns.shape().size()})};
          for (const auto& each : last) parts.push_back(reshape(each, {each.shape().size()}));
          return concatenate(std::span<const std::remove_cvref_t<decltype(x[0])>>(parts), Axis::rows);
        }));
  };
  for (const CellSpec& spec : cell_specs()) {
    with(spec.name + "_both_ways", {.cell = spec.name, .channels = 6, .layers = 2, .dropout = 0.2});
  }
  with("forward", {.channels = 6, .bidirectional = false});
  return {"recurrent_encoder", std::move(cases)};
}

}  // namespace tapehead
