#pragma once

#include "autograd/parameters.hpp"
#include "experiments/runs/run.hpp"

namespace tapehead {

/// Sets the weights that training begins with: drawn by the seed, or those of another run (--init).
///
/// Another run's are taken if they mean the same here: every option of the table that gives weights their meaning
/// (heads, scale, activation …) must be as it was there. Vocabularies are matched by word: where the data order the
/// same words otherwise, rows of the tables are moved. With `--init-check shapes` the options may differ, and so may
/// words: those that both have are matched, the others keep the weights they were drawn.
///
/// Throws ConfigError naming option or words, CheckpointError for parameters that do not fit.
template <RealScalar T>
void set_initial_weights(const Run& run, ParameterStore<T>& parameters, TrainingObserver& observer);

}  // namespace tapehead
