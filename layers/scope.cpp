#include "layers/scope.hpp"

#include <fmt/format.h>

#include <cmath>

#include "autograd/base/errors.hpp"

namespace tapehead {

namespace {

Initialisation law_of_matrix(const WeightDraw& draw, std::int64_t in, std::int64_t out) {
  switch (draw.law) {
    case WeightLaw::normal:
      return Initialisation::normal(draw.deviation);
    case WeightLaw::kaiming:
      return Initialisation::kaiming_normal(in).times(draw.gain);
    case WeightLaw::kaiming_uniform:
      return Initialisation::kaiming_uniform(in).times(draw.gain);
    case WeightLaw::xavier_normal:
      return Initialisation::xavier_normal(in, out).times(draw.gain);
    case WeightLaw::xavier:
      break;
  }
  return Initialisation::xavier_uniform(in, out).times(draw.gain);
}

std::string joined(const std::string& path, std::string_view part) {
  return path.empty() ? std::string(part) : path + "." + std::string(part);
}

}  // namespace

std::string Scope::name_of(std::string_view part) const { return joined(stored_, part); }

Scope Scope::operator/(std::string_view part) const {
  Scope inner = *this;
  inner.path_ = joined(path_, part);
  inner.stored_ = joined(stored_, part);
  return inner;
}

Scope Scope::sharing(std::string_view part, std::string_view other) const {
  Scope inner = *this / part;
  inner.stored_ = joined(stored_, other);
  inner.shares_ = true;
  return inner;
}

Parameter Scope::declare(std::vector<ParameterRange> ranges, ParameterLayout::Join join) const {
  if (shares_ && !ranges.empty()) {
    if (Parameter there = layout_->declared(ranges.front().name)) return there;
  }
  return layout_->declare(std::move(ranges), join);
}

ParameterRange Scope::weight(std::string_view name, std::int64_t in, std::int64_t out, double factor) const {
  return {.name = name_of(name),
          .shape = {in, out},
          .initialisation = law_of_matrix(draw_, in, out).times(factor),
          .decay = true};
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
  const double deviation = law() == WeightLaw::normal ? draw_.deviation : 1 / std::sqrt(static_cast<double>(channels));
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
