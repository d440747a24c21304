#include "experiments/bench/measurement.hpp"

#include <algorithm>
#include <chrono>

#include "autograd/base/limits.hpp"
#include "datasets/random_tokens.hpp"
#include "experiments/bench/allocation_counter.hpp"
#include "experiments/bench/machine.hpp"
#include "experiments/bench/peer.hpp"
#include "trainers/memory.hpp"
#include "trainers/step.hpp"

namespace tapehead {
namespace {

constexpr int kWarmUpSteps = 3;
constexpr int kFewestSteps = 3;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

ModelConfig with_data(ModelConfig model, const StepShape& shape, const Dataset& dataset) {
  model.source_vocabulary = dataset.source_vocabulary().size();
  model.target_vocabulary = dataset.target_vocabulary().size();
  model.max_positions = std::max(shape.source_length, shape.target_length);
  check_config(model);
  return model;
}

// Steps, one after another, with their times.
template <RealScalar T>
class StepTimer {
 public:
  StepTimer(const Model& model, const Dataset& dataset, WorkerPool& workers, const StepOptions& options)
      : parameters_(model.layout()), step_(model, parameters_, dataset, workers, options) {
    parameters_.initialise(options.seed);
    for (int i = 0; i < kWarmUpSteps; ++i) step_.run(++done_);
  }

  // Milliseconds of each step, for at least so many seconds.
  std::vector<double> run(double seconds) {
    std::vector<double> times;
    times.reserve(1 << 16);
    const auto begin = std::chrono::steady_clock::now();
    const AllocationCounter allocations;
    while (times.size() < times.capacity() && (std::ssize(times) < kFewestSteps || seconds_since(begin) < seconds)) {
      const auto step_begin = std::chrono::steady_clock::now();
      tokens_ = step_.run(++done_).tokens;
      times.push_back(1e3 * seconds_since(step_begin));
    }
    allocations_ += allocations.count();
    counted_ += std::ssize(times);
    return times;
  }

  StepProfile profile(double seconds, std::int64_t& steps) {
    StepProfile profile;
    step_.set_profile(&profile);
    steps = std::ssize(run(seconds));
    step_.set_profile(nullptr);
    return profile;
  }

  std::int64_t tokens() const { return tokens_; }
  std::optional<double> allocations_per_step() const {
    if (!AllocationCounter::available()) return std::nullopt;
    return static_cast<double>(allocations_) / static_cast<double>(counted_);
  }

 private:
  ParameterStore<T> parameters_;
  TrainingStep<T> step_;
  std::int64_t done_ = 0;
  std::int64_t tokens_ = 0;
  std::int64_t allocations_ = 0;
  std::int64_t counted_ = 0;
};

// Makes the times of a profile those of one step.
void divide(StepProfile& profile, std::int64_t steps) {
  const auto share = 1 / static_cast<double>(steps);
  for (double* time : {&profile.batch, &profile.shards, &profile.norm, &profile.update}) *time *= share;
  for (OpProfile& worker : profile.workers) worker.scale(share);
}

template <RealScalar T>
BenchReport measure(const BenchOptions& options) {
  const RandomTokens dataset({.vocabulary = options.model.target_vocabulary,
                              .source_length = options.shape.source_length,
                              .target_length = options.shape.target_length});
  const ModelConfig config = with_data(options.model, options.shape, dataset);
  const Model model(config);
  require_memory(
      estimate_memory(model, options.step, {options.shape.source_length + 1, options.shape.target_length + 1},
                      options.threads, sizeof(T)),
      available_memory());
  WorkerPool workers(options.threads);
  StepTimer<T> timer(model, dataset, workers, options.step);

  BenchReport report;
  report.parameters = model.layout().parameter_count();
  report.shards = options.step.shards;
  std::optional<GemmFloor> floor;
  std::vector<double> step_ms, floor_ms, peer_ms, ratios;
  Comparison against;
  for (int round = 0; round < options.rounds; ++round) {
    const std::vector<double> times = timer.run(options.seconds);
    step_ms.insert(step_ms.end(), times.begin(), times.end());
    // In turns with the steps: a machine that is busy now would not have been then.
    report.fma_peak_gflops = std::max(report.fma_peak_gflops, measure_fma_peak(workers));
    if (round == 0) report.peak_rss_bytes = peak_resident_bytes();  // before the floor takes memory of its own
    // What a mixer multiplies is not a product of queries and keys.
    const bool has_floor = !options.double_precision && config.mixer == "attention";
    if (!floor && has_floor) floor.emplace(config, options.shape, workers);
    const auto begin = std::chrono::steady_clock::now();
    while (floor && (std::ssize(floor_ms) < std::int64_t{kFewestSteps} * (round + 1) ||
                     seconds_since(begin) < options.seconds / 2)) {
      floor_ms.push_back(1e3 * floor->measure());
    }
    if (options.against.empty()) continue;
    const PeerResult peer = run_peer(options.against);
    peer_ms.push_back(peer.step_ms_median);
    ratios.push_back(peer.step_ms_median / range_of(times).median);
    against.peak_rss_bytes = std::max(against.peak_rss_bytes, peer.peak_rss_bytes);
  }

  report.steps = std::ssize(step_ms);
  report.tokens = timer.tokens();
  report.step_ms = range_of(std::move(step_ms));
  report.allocations_per_step = timer.allocations_per_step();
  if (floor) {
    report.floor_ms = range_of(std::move(floor_ms));
    report.floor_shards = floor->shards();
    report.flop = floor->flop();
  }
  if (!ratios.empty()) {
    against.step_ms = range_of(std::move(peer_ms));
    against.ratio = range_of(std::move(ratios));
    report.against = against;
  }
  if (options.profile) {
    std::int64_t steps = 0;
    report.profile = timer.profile(options.seconds, steps);
    divide(*report.profile, steps);
  }
  return report;
}

}  // namespace

Range range_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {values.front(), median, values.back()};
}

std::optional<double> share_of_peak(double gflops, double peak) {
  if (!(peak > 0) || gflops > peak) return std::nullopt;
  return gflops / peak;
}

BenchReport measure_step(const BenchOptions& options) {
  return options.double_precision ? measure<double>(options) : measure<float>(options);
}

}  // namespace tapehead
