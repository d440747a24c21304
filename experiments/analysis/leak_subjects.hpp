#pragma once

#include <functional>
#include <string>
#include <vector>

#include "experiments/analysis/model_leaks.hpp"
#include "experiments/runs/trained.hpp"

namespace tapehead {

/// Something to look for leaks in.
struct LeakSubject {
  std::string name;  ///< "presets/copy", "models/decoder/pre_relu"
  std::function<ModelLeaks()> find;
};

/// The model of every preset on its own data, and every configuration of every registered model on a made task. Those
/// whose name contains `pattern`; see matches_case(). Throws ConfigError where none does.
std::vector<LeakSubject> leak_subjects(const std::string& pattern);

/// A trained model on its own training data: "checkpoint/step_1000".
LeakSubject leak_subject(const Trained& trained, const Dataset& dataset);

}  // namespace tapehead
