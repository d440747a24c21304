#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/problem.hpp"
#include "datasets/batch.hpp"
#include "layers/models/model.hpp"

namespace tapehead {

struct ModelProblemOptions {
  double label_smoothing = 0.1;
  bool training = true;    ///< dropout on; the counter-based generator repeats it
  std::uint64_t seed = 1;  ///< with step, the key of dropout's random numbers
  std::uint64_t step = 1;
};

/// The loss of a model on a batch, exactly as a training step of one shard computes it, with the model's parameters for
/// its variables, drawn by `options.seed`: what a gradient check, or a Hessian, of a whole model is taken of.
Problem model_problem(std::shared_ptr<const Model> model, std::shared_ptr<const Batch> batch,
                      const ModelProblemOptions& options = {});

/// A model of a configuration, with positions and vocabularies as a made task needs them, and some examples of that; of
/// a family that reads features, a grid of random ones with a class each.
struct ModelSample {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Batch> batch;
};
ModelSample model_sample(ModelConfig config, std::uint64_t seed);

/// Moves a problem to the parameters of a store. Throws ShapeError when they are not those of the problem's model.
template <RealScalar T>
void set_point(Problem& problem, const ParameterStore<T>& parameters) {
  const auto same = [](const ParameterRange& a, const ParameterRange& b) {
    return a.name == b.name && a.shape == b.shape && a.offset == b.offset;
  };
  if (problem.layout() == nullptr ||
      !std::ranges::equal(problem.layout()->ranges(), parameters.layout().ranges(), same)) {
    throw ShapeError("set_point: the parameters are those of another model");
  }
  for (const Variable& variable : problem.variables()) {
    if (!variable.parameter) continue;
    const T* values = parameters.values().data() + variable.flat_offset;
    std::copy_n(values, variable.shape.size(), problem.point().begin() + variable.offset);
  }
}

/// Every case of every registered model, "models/transformer/pre_relu", on batches of a made task with sequences of
/// several lengths.
std::vector<ProblemCase> model_problems();

}  // namespace tapehead
