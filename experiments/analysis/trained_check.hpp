#pragma once

#include "autograd/check/eigenvalue.hpp"
#include "autograd/problem.hpp"
#include "experiments/runs/trained.hpp"

namespace tapehead {

/// The loss of the step that would come next in the training of a model, on 4 examples of its data, with its dropout
/// and its label smoothing, by every parameter at the values of the checkpoint. "checkpoint/step_1000".
ProblemCase trained_problem(const Trained& trained, const Dataset& dataset);

/// The largest eigenvalue of the Hessian of the training loss on 32 examples, without dropout. In double.
LargestEigenvalue sharpness_of(const Trained& trained, const Dataset& dataset, std::uint64_t seed);

}  // namespace tapehead
