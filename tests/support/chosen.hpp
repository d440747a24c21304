#pragma once

#include <vector>

#include "layers/attention/combinations.hpp"
#include "layers/models/config.hpp"

namespace tapehead::testing_support {

/// The configuration with these choices, set by the options themselves, as people set them.
inline ModelConfig chosen(ModelConfig config, const std::vector<AttentionChoice>& row) {
  for (const Field<ModelConfig>& field : ModelConfig::fields()) {
    for (const AttentionChoice& each : row) {
      if (field.option.name == each.option) field.member.set(config, each.value);
    }
  }
  return config;
}

}  // namespace tapehead::testing_support
