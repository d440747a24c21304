#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/problem.hpp"
#include "layers/scope.hpp"

namespace tapehead {

/// What a layer promises of its gradients, as data: problems that must be right, "layers/linear/in6_out5".
struct LayerSpec {
  std::string name;
  std::vector<ProblemCase> cases;
};

/// The specs of every layer that is built. Generated from the list of layers: one without a spec does not link.
const std::vector<LayerSpec>& layer_specs();

/// A case: `make(scope)` gives the layer, `call(layer, tape, x)` its output, where x is an Inputs<T>. The layer's
/// parameters are variables beside the inputs.
template <class Make, class Call>
ProblemCase layer_case(const std::string& name, const std::vector<InputSpec>& inputs, Make make, Call call) {
  return {"layers/" + name, [=](std::uint64_t seed) {
            auto layout = std::make_shared<ParameterLayout>();
            std::uint32_t sites = 0;
            const auto layer =
                std::make_shared<decltype(make(std::declval<const Scope&>()))>(make(Scope(*layout, sites)));
            layout->seal();
            Problem problem([layer, call](auto& tape, auto x) { return call(*layer, tape, x); }, inputs, layout, seed);
            problem.composite = true;
            return problem;
          }};
}

/// Lengths of two ragged sequences.
inline constexpr std::int32_t kSampleLengths[] = {2, 3};

/// Activations (6, 4, 2) and a memory (6, 3, 2) to attend to, as the cases of most layers take them.
inline InputSpec sample_activations() { return {.shape = {6, 4, 2}, .low = -1, .high = 1, .name = "x"}; }
inline InputSpec sample_memory() { return {.shape = {6, 3, 2}, .low = -1, .high = 1, .name = "memory"}; }

}  // namespace tapehead
