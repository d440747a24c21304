#pragma once

#include <memory>
#include <string>
#include <vector>

#include "autograd/base/batch_view.hpp"
#include "autograd/base/options.hpp"
#include "layers/models/config.hpp"
#include "layers/models/memory.hpp"
#include "layers/scope.hpp"

namespace tapehead {

class Family;

/// What takes the place of self-attention between the positions of a sequence.
enum class ModelKind {
  blocks,         ///< nothing: blocks of self-attention, or of a mixer, and feed-forward layers
  recurrent,      ///< a state, which knows by itself where it is
  convolutional,  ///< the neighbours of a position
};

/// A family of models, as data: its name, how one is made, what it reads and takes, and configurations whose gradients
/// are checked through the model's own loss (see trainers/model_problem.hpp; positions and vocabularies follow from the
/// data). One file each, layers/models/NAME.cpp; nobody else asks for a family by its name.
struct ModelSpec {
  struct Case {
    std::string label;
    ModelConfig config;
  };
  std::string name;
  std::string description;  ///< what it is, for people
  /// The columns of a batch. Without `source`, source and target are one sequence in `input` and `expected`.
  ColumnSet reads;
  /// Throws ConfigError for what makes no model of this family, beside what makes none of any; see check_config().
  void (*check)(const ModelConfig& config);
  std::unique_ptr<const Family> (*make)(const Scope& scope, const ModelConfig& config);
  /// Numbers that a pass over one example keeps for the way back, over the whole model; at most these without one.
  double (*values)(const ModelConfig& config, const SequenceLengths& longest);
  /// And once a pass, however many examples it has; nullptr: none.
  double (*shared_values)(const ModelConfig& config, const SequenceLengths& longest) = nullptr;
  bool crosses = false;  ///< whether it attends to a memory, whatever else mixes positions
  ModelKind kind = ModelKind::blocks;
  std::int64_t embeddings = 1;       ///< with positions, each with a table of its own
  std::string usual_positions = {};  ///< what `positions` is unless somebody says it; empty: as everywhere
  std::vector<Case> cases = {};
  std::vector<ValueNeed> needs = {};  ///< what the choice of this family cannot do without, for the option `model`

  bool reads_source() const { return reads.has(Column::source); }
  bool reads_features() const { return reads.has(Column::features); }
};

/// The specs of every model that is built. Generated from the list of models: one without a spec does not link.
const std::vector<ModelSpec>& model_specs();

/// Names of those that are so, with a space between.
std::string model_names(bool (*which)(const ModelSpec& spec));

/// The one of that name. Throws ConfigError, with the names that there are.
const ModelSpec& model_spec(const std::string& name);

}  // namespace tapehead
