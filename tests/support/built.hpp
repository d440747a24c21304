#pragma once

#include <cstdint>

#include "layers/scope.hpp"

namespace tapehead::testing_support {

/// A layer on its own, with the layout that it declared itself in: sealed, ready for stores of any scalar. Names begin
/// at the layer.
template <class Layer>
struct Built {
  template <class... Options>
  explicit Built(const Options&... options) : layer(Scope(layout, sites), options...) {
    layout.seal();
  }

  ParameterLayout layout;
  std::uint32_t sites = 0;
  Layer layer;
};

}  // namespace tapehead::testing_support
