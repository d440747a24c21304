#pragma once

#include <cstdint>

#include "layers/models/config.hpp"

namespace tapehead {

/// Lengths of the longest columns, start and end included.
struct SequenceLengths {
  std::int64_t source = 0;  ///< 0: no source of its own
  std::int64_t target = 0;
};

/// Numbers that a pass keeps on the tape: of each example, and once however many there are.
struct PassValues {
  double example = 0;
  double shared = 0;

  double of(std::int64_t examples) const { return example * static_cast<double>(examples) + shared; }
};

/// What the parts of a model keep of one example on the tape, in numbers: of these the families make up theirs.

/// Embeddings of so many positions, with what is added to them.
double embedding_values(const ModelConfig& config, std::int64_t positions);
/// All layers of a stack over so many positions, and over a memory of so many if that is not 0.
double stack_values(const ModelConfig& config, std::int64_t positions, std::int64_t memory);
/// What they keep once, however many examples there are: tables of a mixer that has some.
double stack_shared_values(const ModelConfig& config, std::int64_t positions);
/// All layers of a recurrent encoder over so many positions, and of a decoder, with its attention over a memory of so
/// many if it has one.
double recurrent_encoder_values(const ModelConfig& config, std::int64_t positions);
double recurrent_decoder_values(const ModelConfig& config, std::int64_t positions, std::int64_t memory);
/// What a recurrent encoder and a decoder keep once: recurrent weights, turned for the steps that are to come.
double recurrent_encoder_shared_values(const ModelConfig& config);
double recurrent_decoder_shared_values(const ModelConfig& config, bool crosses);
/// All convolutions over so many positions, with attention in each layer over a memory of so many if that is not 0.
double convolution_values(const ModelConfig& config, std::int64_t positions, std::int64_t memory);
/// The last norm and the logits.
double output_values(const ModelConfig& config, std::int64_t positions);

}  // namespace tapehead
