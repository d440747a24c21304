#include "layers/recurrent/recurrent_layer.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/slice.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

std::vector<JoinedLinear::Part> parts_of(const CellSpec& spec, std::int64_t width) {
  std::vector<JoinedLinear::Part> parts;
  for (const auto& [name, first_bias] : spec.gates) parts.push_back({name, width, first_bias});
  return parts;
}

RecurrentLayer::Options checked(const RecurrentLayer::Options& options, const std::string& path) {
  if (options.channels >= 1 && options.width >= 1) return options;
  throw ConfigError(
      fmt::format("{}: channels ({}) and width ({}) must be positive", path, options.channels, options.width));
}

}  // namespace

RecurrentLayer::RecurrentLayer(const Scope& scope, const Options& given)
    : options(checked(given, scope.path())),
      spec(&find_cell(options.cell)),
      from_input(scope, options.channels, parts_of(*spec, options.width)),
      recurrent(scope / "recurrent", options.width, parts_of(*spec, options.width), false) {
  if (spec->gate_of_own_bias == nullptr) return;
  const Scope gate = scope / "recurrent" / spec->gate_of_own_bias;
  recurrent_bias = scope.declare({gate.vector("bias", options.width, 0)});
}

template <Scalar T>
Var<T> RecurrentLayer::operator()(Var<T> x, const std::int32_t* lengths, Var<T> first) const {
  Tape<T>& tape = x.tape();
  return spec->apply(CellCall<T>{.in = {.x = x,
                                        .weight = tape.leaf(from_input.weight),
                                        .recurrent = tape.leaf(recurrent.weight),
                                        .bias = tape.leaf(from_input.bias),
                                        .recurrent_bias = recurrent_bias ? tape.leaf(recurrent_bias) : Var<T>{},
                                        .first = first},
                                 .options = {.lengths = lengths, .backwards = options.backwards}});
}

template <Scalar T>
Var<T> RecurrentLayer::hidden(Var<T> states) const {
  return spec->states == 1 ? states : slice(states, Axis::rows, 0, options.width);
}

template Var<float> RecurrentLayer::operator()(Var<float>, const std::int32_t*, Var<float>) const;
template Var<double> RecurrentLayer::operator()(Var<double>, const std::int32_t*, Var<double>) const;
template Var<std::complex<double>> RecurrentLayer::operator()(Var<std::complex<double>>, const std::int32_t*,
                                                              Var<std::complex<double>>) const;
template Var<float> RecurrentLayer::hidden(Var<float>) const;
template Var<double> RecurrentLayer::hidden(Var<double>) const;
template Var<std::complex<double>> RecurrentLayer::hidden(Var<std::complex<double>>) const;

LayerSpec layer_spec_recurrent_layer() {
  std::vector<ProblemCase> cases;
  for (const CellSpec& spec : cell_specs()) {
    for (const bool backwards : {false, true}) {
      const RecurrentLayer::Options options{.cell = spec.name, .channels = 6, .width = 3, .backwards = backwards};
      const InputSpec first{.shape = {spec.states * 3, 1, 2}, .low = -1, .high = 1, .name = "first"};
      cases.push_back(layer_case(
          "recurrent_layer/" + spec.name + (backwards ? "_backwards" : ""), {sample_activations(), first},
          [options](const Scope& scope) { return RecurrentLayer(scope, options); },
          [](const RecurrentLayer& layer, auto&, auto x) { return layer(x[0], kSampleLengths, x[1]); }));
    }
  }
  return {"recurrent_layer", std::move(cases)};
}

}  // namespace tapehead
