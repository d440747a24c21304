#include "layers/models/model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/ops/linear_cross_entropy.hpp"
#include "layers/models/family.hpp"

namespace tapehead {

const ModelSpec& model_spec(const std::string& name) {
  const auto found = std::ranges::find(model_specs(), name, &ModelSpec::name);
  if (found != model_specs().end()) return *found;
  std::string names;
  for (const ModelSpec& spec : model_specs()) names += (names.empty() ? "" : ", ") + spec.name;
  throw ConfigError(fmt::format("model: \"{}\" is none of {}", name, names));
}

std::string model_names(bool (*which)(const ModelSpec& spec)) {
  std::string names;
  for (const ModelSpec& spec : model_specs()) {
    if (which(spec)) names += (names.empty() ? "" : " ") + spec.name;
  }
  return names;
}

Model::Model(const ModelConfig& config, const ModelSpec& spec)
    : config_(config), spec_(&spec), layout_(std::make_unique<ParameterLayout>()) {
  check_config(config, spec);
  std::uint32_t sites = 0;
  family_ = spec_->make(Scope(*layout_, sites, weight_draw(config)), config);
  layout_->seal();
}

Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

template <Scalar T>
Var<T> Model::features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
  return family_->features(tape, batch, pass);
}

template <Scalar T>
Var<T> Model::project(Var<T> features) const {
  return family_->output()(features);
}

template <Scalar T>
Var<T> Model::loss(Var<T> features, const TokenView& expected, const CrossEntropyOptions& options) const {
  const Linear& output = family_->output();
  Tape<T>& tape = features.tape();
  const Var<T> bias = output.bias ? tape.leaf(output.bias) : Var<T>{};
  return linear_cross_entropy(features, tape.leaf(output.weight), bias, expected, options);
}

template <Scalar T>
Var<T> Model::loss(Tape<T>& tape, const BatchView& batch, const Pass& pass, double label_smoothing) const {
  return loss(features(tape, batch, pass), batch.expected(),
              {.label_smoothing = label_smoothing, .denominator = static_cast<double>(batch.counted_tokens())});
}

template <RealScalar T>
std::unique_ptr<DecodingState<T>> Model::begin(Tape<T>& tape, const Sources& sources) const {
  return family_->begin(tape, sources);
}

template Var<float> Model::features(Tape<float>&, const BatchView&, const Pass&) const;
template Var<double> Model::features(Tape<double>&, const BatchView&, const Pass&) const;
template Var<std::complex<double>> Model::features(Tape<std::complex<double>>&, const BatchView&, const Pass&) const;
template Var<float> Model::project(Var<float>) const;
template Var<double> Model::project(Var<double>) const;
template Var<std::complex<double>> Model::project(Var<std::complex<double>>) const;
template Var<float> Model::loss(Var<float>, const TokenView&, const CrossEntropyOptions&) const;
template Var<double> Model::loss(Var<double>, const TokenView&, const CrossEntropyOptions&) const;
template Var<std::complex<double>> Model::loss(Var<std::complex<double>>, const TokenView&,
                                               const CrossEntropyOptions&) const;
template Var<float> Model::loss(Tape<float>&, const BatchView&, const Pass&, double) const;
template Var<double> Model::loss(Tape<double>&, const BatchView&, const Pass&, double) const;
template Var<std::complex<double>> Model::loss(Tape<std::complex<double>>&, const BatchView&, const Pass&,
                                               double) const;
template std::unique_ptr<DecodingState<float>> Model::begin(Tape<float>&, const Sources&) const;
template std::unique_ptr<DecodingState<double>> Model::begin(Tape<double>&, const Sources&) const;

}  // namespace tapehead
