#pragma once

#include "layers/pass.hpp"
#include "layers/scope.hpp"

namespace tapehead {

/// Leaves out layers of a stack in training, each with probability `rate`, for all examples of a step alike (Fan,
/// Grave & Joulin 2020, "Reducing Transformer Depth on Demand with Structured Dropout"). Nothing makes up for those
/// that are left out, and otherwise every layer is there.
struct LayerDrop {
  LayerDrop(const Scope& scope, double drop_rate) : rate(drop_rate), site(drop_rate > 0 ? scope.new_site() : 0) {}

  bool leaves_out(std::size_t layer, const Pass& pass) const {
    if (rate == 0 || !pass.training || pass.every_layer) return false;
    return pass.dropout_stream(site).uniform(static_cast<std::uint32_t>(layer)) < rate;
  }

  double rate;
  std::uint32_t site;
};

}  // namespace tapehead
