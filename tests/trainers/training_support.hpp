#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <initializer_list>
#include <string>

#include "datasets/made.hpp"
#include "trainers/trainer.hpp"

namespace tapehead {

/// A model of one layer for the data, with dropout.
ModelConfig small_model(const Dataset& data, const std::string& kind);

/// Forty steps of ten sequences.
TrainerOptions small_run(int threads, int shards = 4);

/// Short sequences to reverse.
const MadeDataset& reversing();

/// A folder of its own for each test, gone afterwards.
class TrainingRun : public testing::Test {
 protected:
  TrainingRun() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ =
        std::filesystem::temp_directory_path() / (std::string("tapehead_") + test->name() + std::to_string(::getpid()));
    std::filesystem::create_directories(root_);
  }
  ~TrainingRun() override { std::filesystem::remove_all(root_); }

  std::string folder(const std::string& name) {
    std::filesystem::create_directories(root_ / name);
    return (root_ / name).string();
  }

  std::filesystem::path root_;
};

/// Sets the flag after so many steps, as Ctrl-C would.
struct StopAfter : TrainingObserver {
  explicit StopAfter(std::int64_t at) : step(at) {}
  void on_step(const Progress& progress) override { stop = stop || progress.step == step; }
  std::int64_t step;
  std::atomic<bool> stop{false};
};

/// Digest of the parameters after a run that is stopped after each of `stops` steps and resumed; it must end as `end`
/// says.
std::string digest_of_run(const std::string& kind, const TrainerOptions& options, const std::string& path,
                          std::initializer_list<std::int64_t> stops = {},
                          TrainingOutcome end = TrainingOutcome::finished);

/// metrics.csv without its time column, the fifth.
std::string metrics_of(const std::string& folder);

}  // namespace tapehead
