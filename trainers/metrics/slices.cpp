#include "trainers/metrics/slices.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "trainers/metrics/output_metric.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kMostParts = 20;

using Some = std::vector<const JudgedExample*>;

std::vector<Result> output_results_of(const Some& examples) {
  std::vector<Output> outputs;
  for (const JudgedExample* each : examples) outputs.push_back({each->written, each->expected});
  std::vector<Result> results;
  for (const auto& [spec, of] : output_metrics()) {
    results.push_back({spec.name, of(outputs), spec.unit, spec.direction, spec.common});
  }
  return results;
}

std::vector<Result> results_of(const Some& examples, bool outputs) {
  TokenCounts counts;
  for (const JudgedExample* each : examples) counts.add(each->counts);
  std::vector<Result> results = token_results(counts);
  std::erase_if(results, [](const Result& result) { return std::isnan(result.value); });
  if (outputs) std::ranges::move(output_results_of(examples), std::back_inserter(results));
  return results;
}

SlicedResults sliced(const std::string& name, std::size_t slice, std::span<const JudgedExample> examples,
                     bool outputs) {
  const auto place = [&](const JudgedExample& each) { return each.slices[slice]; };
  const auto [first_of_all, last_of_all] = std::ranges::minmax_element(examples, {}, place);
  const std::int64_t least = place(*first_of_all);
  const std::int64_t most = place(*last_of_all);
  const std::int64_t width = (most - least) / kMostParts + 1;
  std::map<std::int64_t, Some> parts;
  for (const JudgedExample& each : examples) parts[(place(each) - least) / width].push_back(&each);
  SlicedResults results{.name = name};
  for (const auto& [part, some] : parts) {
    const std::int64_t first = least + part * width;
    results.parts.push_back({first, std::min(first + width - 1, most), results_of(some, outputs)});
  }
  return results;
}

}  // namespace

std::vector<SlicedResults> sliced_results(std::span<const Slice> slices, std::span<const JudgedExample> examples,
                                          bool outputs) {
  std::vector<SlicedResults> results;
  for (std::size_t i = 0; i < slices.size() && !examples.empty(); ++i) {
    results.push_back(sliced(slices[i].name, i, examples, outputs));
  }
  return results;
}

std::vector<Result> output_results(std::span<const JudgedExample> examples) {
  Some all;
  for (const JudgedExample& each : examples) all.push_back(&each);
  return output_results_of(all);
}

}  // namespace tapehead
