#pragma once

#include <string>
#include <vector>

#include "layers/models/config.hpp"

namespace tapehead {

/// Configurations of a model whose gradients are checked through its own loss; see trainers/model_problem.hpp.
/// Positions and vocabularies follow from the data.
struct ModelSpec {
  struct Case {
    std::string label;
    ModelConfig config;
  };
  std::string name;
  std::vector<Case> cases;
  std::string description = {};  ///< what it is, for people
};

/// The specs of every model that is built. Generated from the list of models: one without a spec does not link.
const std::vector<ModelSpec>& model_specs();

}  // namespace tapehead
