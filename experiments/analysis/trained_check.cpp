#include "experiments/analysis/trained_check.hpp"

#include <fmt/format.h>

#include "autograd/check/hessian.hpp"
#include "trainers/model_problem.hpp"
#include "trainers/objective.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kCheckedExamples = 4;
constexpr std::int64_t kSharpnessExamples = 32;

Problem loss_of(const Trained& trained, const Dataset& dataset, std::int64_t examples, bool dropout) {
  const StepOptions& step_options = trained.config.trainer.step;
  const std::uint64_t step = trained.reader->meta().step + 1;
  auto model = std::make_shared<const Model>(trained.config.model);
  auto batch = std::make_shared<Batch>(batch_layout(*model, dataset));
  batch->reserve(examples, dataset.shape());
  dataset.fill_training_batch(step_options.seed, step, examples, *batch);
  Problem problem = model_problem(
      std::move(model), std::move(batch),
      {.label_smoothing = step_options.label_smoothing, .training = dropout, .seed = step_options.seed, .step = step});
  with_precision(trained.config.double_precision,
                 [&](auto scalar) { set_point(problem, load_parameters<decltype(scalar)>(trained)); });
  return problem;
}

}  // namespace

ProblemCase trained_problem(const Trained& trained, const Dataset& dataset) {
  return {.name = fmt::format("checkpoint/step_{}", trained.reader->meta().step),
          .draw = [problem = loss_of(trained, dataset, kCheckedExamples, /*dropout=*/true)](
                      std::uint64_t) { return problem; },
          .one_point = true};
}

LargestEigenvalue sharpness_of(const Trained& trained, const Dataset& dataset, std::uint64_t seed) {
  const Problem problem = loss_of(trained, dataset, kSharpnessExamples, /*dropout=*/false);
  const auto apply = [&](std::span<const double> v) { return hessian_vector_product(problem, v); };
  return largest_eigenvalue(problem.size(), apply, 1e-6, 200, seed);
}

}  // namespace tapehead
