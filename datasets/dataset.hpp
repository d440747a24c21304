#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "datasets/batch.hpp"
#include "datasets/slice.hpp"
#include "datasets/vocabularies/vocabulary.hpp"

namespace tapehead {

enum class Split { validation, test };

/// "validation" or "test"; anything else throws ConfigError.
Split parse_split(const std::string& text);
/// What parse_split reads.
const char* name_of(Split split);

struct TextReport;

/// An option whose value was left to the data, and what they say: of a run it is written down.
struct FoundOption {
  std::string name, value;
};

/// What a model is trained and judged on: examples of which shape() says what they have.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual const Vocabulary& source_vocabulary() const = 0;
  virtual const Vocabulary& target_vocabulary() const = 0;

  /// What examples have, and the longest of any split.
  virtual const ExampleShape& shape() const = 0;
  bool has_source() const { return shape().has_source; }
  /// Whether something says what the target is to be: a source, or features.
  bool asks() const { return shape().has_source || shape().channels > 0; }
  std::int64_t max_source_length() const { return shape().source; }
  std::int64_t max_target_length() const { return shape().target; }

  /// Fills a batch with the examples of step `step`: a function of (seed, step) alone. Steps are counted from 1.
  /// Allocates nothing if the batch was reserved for shape().
  virtual void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples,
                                   Batch& batch) const = 0;

  /// The held-out sequences, the same whatever the seed of training.
  virtual std::int64_t size(Split split) const = 0;
  virtual SequencePair example(Split split, std::int64_t index) const = 0;

  /// What reading files left out or noticed; nullptr for data that are made.
  virtual const TextReport* reading() const { return nullptr; }

  /// What people should know of it beside what reading() says, a line each.
  virtual std::vector<std::string> notes() const { return {}; }

  /// Where it stands, "file:line"; made sequences have their number in the split instead.
  virtual std::string place(Split split, std::int64_t index) const;

  /// Its words as they stand in the data, those that the vocabulary does not know included.
  virtual std::vector<std::string> source_words(Split split, std::int64_t index) const {
    return source_vocabulary().words_of(example(split, index).source);
  }
  virtual std::vector<std::string> target_words(Split split, std::int64_t index) const {
    return target_vocabulary().words_of(example(split, index).target);
  }

  /// Whether the ends of targets count.
  virtual bool counts_ends() const { return shape().ends; }
  /// Of data that are a text in characters: how many those of an example's target that count are, its end one of them.
  virtual bool counts_characters() const { return false; }
  virtual std::int64_t characters(const ExampleView& /*example*/) const { return 0; }

  /// The result that says most of how well a model does.
  virtual const std::string& headline() const;
  /// Ways to divide held-out examples.
  virtual std::span<const Slice> slices() const { return {}; }

  virtual std::vector<FoundOption> found_options() const { return {}; }

  /// A fingerprint of everything that training and evaluation see.
  virtual std::uint64_t digest() const = 0;
};

/// How the examples of a dataset become a batch for a model with or without an encoder. Throws ConfigError for one
/// without, which reads source and target as one sequence, if they have other words.
BatchLayout batch_layout(const Dataset& dataset, bool has_encoder);

}  // namespace tapehead
