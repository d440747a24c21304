#include "layers/dropout.hpp"

#include "autograd/ops/dropout.hpp"

namespace tapehead {

template <Scalar T>
Var<T> Dropout::operator()(Var<T> x, const Pass& pass) const {
  if (!pass.training) return x;
  return dropout(x, rate, pass.dropout_stream(site), pass.first_example);
}

template Var<float> Dropout::operator()(Var<float>, const Pass&) const;
template Var<double> Dropout::operator()(Var<double>, const Pass&) const;
template Var<std::complex<double>> Dropout::operator()(Var<std::complex<double>>, const Pass&) const;

}  // namespace tapehead
