#include "layers/probe.hpp"

#include <fmt/format.h>

#include <array>

#include "autograd/base/errors.hpp"

namespace tapehead {

template <Scalar T>
Var<T> probed(const Probe* probe, const Site& site, Var<T> x) {
  if (probe == nullptr || !probe->wants(site)) return x;
  const Var<T> y = probe->see(site, x);
  static constexpr std::array kNames{"embedded", "scores", "weights", "context", "output", "stream"};
  const char* what = kNames[static_cast<std::size_t>(site.what)];
  if (!y) throw GradientError(fmt::format("probe: it gave an empty variable for the {} of {}", what, site.layer));
  if (y.shape() != x.shape()) {
    throw ShapeError(fmt::format("probe: the {} of {} are {}, and it gave {} in their place", what, site.layer,
                                 to_string(x.shape()), to_string(y.shape())));
  }
  return y;
}

template Var<float> probed(const Probe*, const Site&, Var<float>);
template Var<double> probed(const Probe*, const Site&, Var<double>);
template Var<std::complex<double>> probed(const Probe*, const Site&, Var<std::complex<double>>);

}  // namespace tapehead
