#include "layers/models/model.hpp"

#include <optional>

#include "autograd/ops/linear_cross_entropy.hpp"
#include "layers/models/decoder.hpp"
#include "layers/models/transformer.hpp"

namespace tapehead {

struct Model::Kinds {
  std::optional<Transformer> transformer;
  std::optional<Decoder> decoder;

  const Linear& output() const { return transformer ? transformer->output : decoder->output; }
};

Model::Model(const ModelConfig& config)
    : config_(config), layout_(std::make_unique<ParameterLayout>()), kinds_(std::make_unique<Kinds>()) {
  check_config(config);
  std::uint32_t sites = 0;
  const Scope scope(*layout_, sites, weight_law(config));
  if (has_encoder()) {
    kinds_->transformer.emplace(scope, config);
  } else {
    kinds_->decoder.emplace(scope, config);
  }
  layout_->seal();
}

Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

template <Scalar T>
Var<T> Model::encode(Tape<T>& tape, TokenView source, const Pass& pass) const {
  return has_encoder() ? kinds_->transformer->encode(tape, source, pass) : Var<T>{};
}

template <Scalar T>
Var<T> Model::decode(Tape<T>& tape, Var<T> memory, TokenView source, TokenView input, const Pass& pass) const {
  return has_encoder() ? kinds_->transformer->decode(tape, memory, source, input, pass)
                       : kinds_->decoder->decode(tape, input, pass);
}

template <Scalar T>
Var<T> Model::project(Var<T> features) const {
  return kinds_->output()(features);
}

template <Scalar T>
Var<T> Model::loss(Var<T> features, TokenView expected, const CrossEntropyOptions& options) const {
  const Linear& output = kinds_->output();
  Tape<T>& tape = features.tape();
  return linear_cross_entropy(features, tape.leaf(output.weight), tape.leaf(output.bias), expected, options);
}

template Var<float> Model::encode(Tape<float>&, TokenView, const Pass&) const;
template Var<double> Model::encode(Tape<double>&, TokenView, const Pass&) const;
template Var<std::complex<double>> Model::encode(Tape<std::complex<double>>&, TokenView, const Pass&) const;
template Var<float> Model::decode(Tape<float>&, Var<float>, TokenView, TokenView, const Pass&) const;
template Var<double> Model::decode(Tape<double>&, Var<double>, TokenView, TokenView, const Pass&) const;
template Var<std::complex<double>> Model::decode(Tape<std::complex<double>>&, Var<std::complex<double>>, TokenView,
                                                 TokenView, const Pass&) const;
template Var<float> Model::project(Var<float>) const;
template Var<double> Model::project(Var<double>) const;
template Var<std::complex<double>> Model::project(Var<std::complex<double>>) const;
template Var<float> Model::loss(Var<float>, TokenView, const CrossEntropyOptions&) const;
template Var<double> Model::loss(Var<double>, TokenView, const CrossEntropyOptions&) const;
template Var<std::complex<double>> Model::loss(Var<std::complex<double>>, TokenView, const CrossEntropyOptions&) const;

}  // namespace tapehead
