#pragma once

#include <span>

#include "datasets/made.hpp"
#include "datasets/task.hpp"

namespace tapehead {

/// A task of numbers and classes: which of two channels is larger on average.
inline TaskSpec larger_channel() {
  return {
      .name = "larger-channel",
      .description = "the channel that is larger on average",
      .check = [](const MadeOptions&) {},
      .vocabulary = [](const MadeOptions&) { return Vocabulary(); },
      .shape =
          [](const MadeOptions& options) {
            return ExampleShape{
                .has_source = false, .has_target = false, .channels = 2, .features = options.max_length, .classes = 2};
          },
      .levels = [](const MadeOptions& options) { return options.max_length - options.min_length + 1; },
      .space =
          [](const MadeOptions&, std::int64_t, std::int64_t) {
            return ExampleSpace{1e30, "numbers"};
          },
      .make =
          [](ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
            double difference = 0;
            const std::span<float> numbers = out.features(options.min_length + stream.level());
            for (std::size_t i = 0; i < numbers.size(); ++i) {
              numbers[i] = static_cast<float>(stream.normal());
              difference += i % 2 == 1 ? numbers[i] : -numbers[i];
            }
            out.label(difference > 0 ? 1 : 0);
          },
      .reference =
          [](const SequencePair& given, const MadeOptions&) {
            double sums[2] = {};
            for (std::size_t t = 0; t < given.features.size() / 2; ++t) {
              for (std::size_t c = 0; c < 2; ++c) sums[c] += given.features[2 * t + c];
            }
            return SequencePair{.label = sums[1] > sums[0] ? 1 : 0};
          },
      .headline = "accuracy",
      .slices = {{"length", [](const SequencePair& example) { return std::ssize(example.features) / 2; }}}};
}

}  // namespace tapehead
