#include "autograd/problem.hpp"

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"

namespace tapehead {

void GenericFunction::throw_not_taken(const char* scalar) {
  throw GradientError(std::string("the function does not take ") + scalar);
}

std::string GenericFunction::why_not_double() const {
  if (takes<double>()) return {};
  const bool single = takes<float>();
  const bool complex = takes<std::complex<double>>();
  const std::string what = single && complex ? "takes float and complex numbers, not double"
                           : single          ? "takes float alone"
                           : complex         ? "takes complex numbers alone"
                                             : "takes neither Inputs<double> nor the like";
  return "the function " + what +
         "; gradients are checked in double: write it for Inputs<double>, or as a template of its scalar";
}

Problem::Problem(GenericFunction function, const std::vector<InputSpec>& inputs, std::uint64_t seed)
    : Problem(std::move(function), inputs, nullptr, seed) {}

Problem::Problem(GenericFunction function, const std::vector<InputSpec>& inputs,
                 std::shared_ptr<const ParameterLayout> layout, std::uint64_t seed)
    : function_(std::move(function)), inputs_(std::ssize(inputs)), layout_(std::move(layout)) {
  const RandomStream random(seed, Purpose::gradient_check);
  const auto add = [&](Variable variable, double low, double high) {
    const auto number = static_cast<std::uint32_t>(variables_.size());
    variable.offset = size();
    for (std::int64_t i = 0; i < variable.shape.size(); ++i) {
      point_.push_back(low + (high - low) * random.uniform(number, static_cast<std::uint32_t>(i)));
    }
    variables_.push_back(std::move(variable));
  };
  for (const InputSpec& input : inputs) {
    const std::string name = input.name.empty() ? "input " + std::to_string(variables_.size()) : input.name;
    add({.name = name, .shape = input.shape, .parts = input.parts}, input.low, input.high);
  }
  if (!layout_) return;
  for (const ParameterRange& range : layout_->ranges()) {
    add({.name = range.name, .shape = range.shape, .parameter = true, .flat_offset = range.offset}, -1, 1);
  }
}

const Variable& Problem::variable_of(std::int64_t i) const {
  const auto after = std::ranges::upper_bound(variables_, i, {}, &Variable::offset);
  if (i < 0 || i >= size()) throw ShapeError("problem: there is no element " + std::to_string(i));
  auto found = after - 1;
  while (found->shape.size() == 0) --found;
  return *found;
}

std::vector<ProblemCase> problem_cases(const OpSpec& spec) {
  std::vector<ProblemCase> cases;
  for (const OpCase& each : spec.cases) {
    const auto of = [each, by_hand = spec.dual_by_hand](const std::vector<InputSpec>& inputs, std::uint64_t seed) {
      Problem problem(each.call, inputs, seed);
      problem.dual_by_hand = by_hand;
      problem.attention = each.attention;
      return problem;
    };
    cases.push_back({.name = "ops/" + spec.name + "/" + each.label,
                     .draw = [each, of](std::uint64_t seed) { return of(each.inputs, seed); },
                     .with_shapes =
                         [each, of](const std::vector<Shape>& shapes, std::uint64_t seed) {
                           std::vector<InputSpec> inputs = each.inputs;
                           for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].shape = shapes.at(i);
                           return of(inputs, seed);
                         }});
  }
  return cases;
}

}  // namespace tapehead
