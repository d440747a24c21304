#include "layers/scope.hpp"

#include <fmt/format.h>

#include <cmath>

#include "autograd/base/errors.hpp"

namespace tapehead {

namespace {

Initialisation law_of_matrix(WeightLaw law, std::int64_t in, std::int64_t out) {
  if (law == WeightLaw::normal) return Initialisation::normal(0.02);
  return law == WeightLaw::kaiming ? Initialisation::kaiming_normal(in) : Initialisation::xavier_uniform(in, out);
}

}  // namespace

std::string Scope::name_of(std::string_view part) const {
  return path_.empty() ? std::string(part) : path_ + "." + std::string(part);
}

Scope Scope::operator/(std::string_view part) const {
  Scope inner = *this;
  inner.path_ = name_of(part);
  return inner;
}

ParameterRange Scope::weight(std::string_view name, std::int64_t in, std::int64_t out) const {
  return {.name = name_of(name), .shape = {in, out}, .initialisation = law_of_matrix(law_, in, out), .decay = true};
}

ParameterRange Scope::head_weights(std::string_view name, std::int64_t in, std::int64_t out, std::int64_t heads) const {
  ParameterRange range = weight(name, in, out);
  range.shape.slices = heads;
  return range;
}

ParameterRange Scope::vector(std::string_view name, std::int64_t rows, double value) const {
  return {.name = name_of(name), .shape = {rows}, .initialisation = Initialisation::constant(value)};
}

ParameterRange Scope::zeros(std::string_view name, std::int64_t rows, std::int64_t entries) const {
  return {.name = name_of(name), .shape = {rows, entries}, .initialisation = Initialisation::constant(0)};
}

ParameterRange Scope::identity(std::string_view name, std::int64_t size) const {
  return {.name = name_of(name), .shape = {size, size}, .initialisation = Initialisation::identity()};
}

ParameterRange Scope::table(std::string_view name, std::int64_t channels, std::int64_t entries, bool decay) const {
  const double deviation = law_ == WeightLaw::normal ? 0.02 : 1 / std::sqrt(static_cast<double>(channels));
  return {.name = name_of(name),
          .shape = {channels, entries},
          .initialisation = Initialisation::normal(deviation),
          .decay = decay};
}

Parameter Scope::declare_or_share(ParameterRange own, const Parameter& shared) const {
  if (!shared) return declare({std::move(own)});
  const Shape shape = layout_->block(shared).shape;
  if (shape == own.shape) return shared;
  throw ShapeError(fmt::format("{}: {} of shape {} cannot be shared for it, which needs {}", own.name, shared.name(),
                               to_string(shape), to_string(own.shape)));
}

}  // namespace tapehead
