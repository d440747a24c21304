#pragma once

#include <functional>
#include <string>
#include <vector>

#include "datasets/made.hpp"
#include "trainers/step.hpp"

/// What the tests of whole steps and of whole runs share: what is trained, the options that are tried, and the training
/// in plain loops that both are compared with.
namespace tapehead::testing_support {

/// Sequences of two to four symbols to reverse.
const MadeDataset& few_symbols();

/// A model of one layer for them, with dropout.
ModelConfig tiny_model(const std::string& kind);

/// One change of the options of a step.
struct StepCase {
  std::string name;
  std::function<void(StepOptions&)> change;
};

/// Every option of a step, each with another value than the rest have.
std::vector<StepCase> step_cases();
StepOptions options_of(const StepCase& step_case);

/// The rate of a step, from the formulas in schedule.hpp.
double plain_rate(const ScheduleOptions& options, std::int64_t step);

/// Parameters and what the optimizer remembers of them, one number at a time.
class PlainTraining {
 public:
  PlainTraining(const ParameterLayout& layout, const StepOptions& options, std::vector<double> start)
      : values(std::move(start)), first(values.size()), second(values.size()), layout_(layout), options_(options) {}

  /// One update with the gradient of a batch, at a rate. Returns the gradient's norm before clipping.
  double update(const std::vector<double>& gradient, double rate);

  std::vector<double> values, first, second;

 private:
  const ParameterLayout& layout_;
  StepOptions options_;
  int updates_ = 0;
};

std::vector<double> flat(const FlatVector<double>& values);

}  // namespace tapehead::testing_support
