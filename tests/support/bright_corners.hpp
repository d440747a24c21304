#pragma once

#include <string>
#include <vector>

#include "autograd/base/random.hpp"
#include "datasets/dataset.hpp"
#include "layers/models/config.hpp"

namespace tapehead::testing_support {

/// Small pictures in memory: a grid of 2 × 3 patches of four pixels, of which the brightest is the class.
class BrightCorners : public Dataset {
 public:
  static constexpr std::int64_t kRows = 2, kColumns = 3, kPixels = 4;

  const Vocabulary& source_vocabulary() const override { return none_; }
  const Vocabulary& target_vocabulary() const override { return classes_; }
  const ExampleShape& shape() const override { return shape_; }
  std::int64_t size(Split /*split*/) const override { return 60; }
  std::uint64_t digest() const override { return 1; }

  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override {
    const RandomStream random(seed, Purpose::training_data, step);
    batch.clear();
    for (std::int64_t i = 0; i < examples; ++i) {
      write(random, static_cast<std::uint32_t>(i), batch.writer());
      batch.append(batch.writer().view());
    }
  }

  SequencePair example(Split split, std::int64_t index) const override {
    const RandomStream random(99, Purpose::held_out_data, static_cast<std::uint64_t>(split));
    ExampleWriter out(shape_);
    write(random, static_cast<std::uint32_t>(index), out);
    return stored(out.view());
  }

 private:
  static void write(const RandomStream& random, std::uint32_t example, ExampleWriter& out) {
    out.clear();
    const auto brightest = static_cast<std::int64_t>(random.below(kRows * kColumns, example, 1000));
    std::uint32_t draws = 0;
    std::int64_t pixel = 0;
    for (float& number : out.features(kRows * kColumns)) {
      number = static_cast<float>(random.uniform(example, draws++)) + (pixel++ / kPixels == brightest ? 0.8F : 0.0F);
    }
    out.target(1)[0] = kFirstFreeId + static_cast<std::int32_t>(brightest);
  }

  Vocabulary none_, classes_{std::vector<std::string>{"a", "b", "c", "d", "e", "f"}};
  ExampleShape shape_{.data = "bright corners",
                      .has_source = false,
                      .ends = false,
                      .target = 1,
                      .channels = kPixels,
                      .features = kRows * kColumns,
                      .grid_rows = kRows};
};

/// A small vision model of them, with dropout.
inline ModelConfig vision_of_corners(const std::string& pooling = "first") {
  ModelConfig config{.model = "vision",
                     .layers = 1,
                     .heads = 2,
                     .d_model = 16,
                     .d_ff = 32,
                     .positions = "learned",
                     .pooling = pooling,
                     .dropout = 0.1,
                     .target_vocabulary = kFirstFreeId + 6};
  config.features = {BrightCorners::kPixels, BrightCorners::kRows, BrightCorners::kColumns};
  config.max_positions = positions_of_features(config);
  return config;
}

}  // namespace tapehead::testing_support
