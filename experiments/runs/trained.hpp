#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/example.hpp"
#include "datasets/vocabularies/vocabulary.hpp"
#include "experiments/options/run_config.hpp"
#include "layers/models/model.hpp"
#include "trainers/checkpoint/checkpoint.hpp"

namespace tapehead {

/// A model read back from its checkpoint, which says everything about it but the data.
struct Trained {
  std::unique_ptr<CheckpointReader> reader;
  Settings settings;
  RunConfig config;
  Vocabulary source, target;
  Model model;

  const DataSource& data_source() const { return *config.source; }
  /// How people write its sequences.
  LineFormat lines() const { return data_source().lines(config.data); }

  /// Ids of a line that somebody wrote: of a question, or the first of what the model goes on with, however long; see
  /// LineRole. Throws DataError for a line that its data refuse (see encode() of datasets/line_format.hpp), and for a
  /// question longer than the model takes.
  std::vector<std::int32_t> encode(const std::string& line) const;
  /// What a line asks: ids, or the features of data that have them. Neither for an empty line. Throws as encode() does.
  SequencePair question(const std::string& line) const;
  /// Numbers of one position of the features that it reads; 0: it reads none.
  std::int64_t channels() const { return config.model.features.channels; }
  /// A line of target ids, as people write it.
  std::string line(const std::vector<std::int32_t>& target_ids) const { return spelled(target.words_of(target_ids)); }
  /// What the model said to a question, as people write it.
  std::string answer(std::vector<std::string> question, const std::vector<std::int32_t>& target_ids) const;
  /// Words, as people write them in a line.
  std::string spelled(const std::vector<std::string>& words) const { return lines().line(words); }
  /// Words of a line that the model does not know, in their order, each once; none for made tasks, whose lines are
  /// refused.
  std::vector<std::string> unknown_words(const std::string& line) const;
};

/// Opens a run folder or a checkpoint file; see checkpoint_of. Throws CheckpointError, or ConfigError for an empty
/// name.
Trained open_trained(const std::string& subject);
/// The model of a checkpoint that was read.
Trained open_trained(std::unique_ptr<CheckpointReader> reader);

/// The last weights of the run that `subject` names, where its best ones were opened and are others. Throws
/// CheckpointError if the best ones are not of this run.
std::optional<Trained> last_weights(const std::string& subject, const Trained& opened);

/// In a line, which weights the name of a run stands for, if it has others too; empty otherwise.
std::string choice_of_weights(const std::string& subject, const Trained& opened);

/// What a command does with the data of a trained model.
enum class NeededData { held_out, training };

/// The data that it was trained with; text files may have moved: `given` says where to. The words are the checkpoint's,
/// so held-out sequences can be read though the training file has changed or is gone; what cannot be known then is said
/// in `warning`, which stays as it is otherwise. Throws ConfigError for files that do not apply to the task, DataError
/// for data that are needed and cannot be read.
std::unique_ptr<Dataset> data_of(const Trained& trained, const Settings& given, NeededData needed,
                                 std::string& warning);

/// The parameters of a trained model. Throws CheckpointError when they are not those of the model.
template <RealScalar T>
ParameterStore<T> load_parameters(const Trained& trained) {
  ParameterStore<T> parameters(trained.model.layout());
  trained.reader->load(parameters);
  return parameters;
}

}  // namespace tapehead
