#include "experiments/report/slice_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "experiments/report/figures.hpp"
#include "experiments/report/table.hpp"
#include "experiments/report/text_width.hpp"
#include "experiments/runs/statistics.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kPartsShown = 7;

bool has_result(const PlannedRun& run) { return run.result && run.result->diverged.empty(); }

// The slices of the first run that has any.
const std::vector<SlicedResults>* slices_of(const Ablation& ablation, const std::vector<std::size_t>& cells) {
  for (const std::size_t cell : cells) {
    for (const PlannedRun& run : ablation.runs_of(cell)) {
      if (has_result(run) && !run.result->judged.slices.empty()) return &run.result->judged.slices;
    }
  }
  return nullptr;
}

const SlicePart* part_of(const PlannedRun& run, const std::string& slice, std::int64_t first, std::int64_t last) {
  if (!has_result(run)) return nullptr;
  for (const SlicedResults& sliced : run.result->judged.slices) {
    if (sliced.name != slice) continue;
    const auto found = std::ranges::find_if(
        sliced.parts, [&](const SlicePart& part) { return part.first == first && part.last == last; });
    return found == sliced.parts.end() ? nullptr : &*found;
  }
  return nullptr;
}

std::optional<double> value_of(const SlicePart& part, const std::string& metric) {
  const auto found = std::ranges::find(part.results, metric, &Result::name);
  return found == part.results.end() ? std::nullopt : std::optional(found->value);
}

// The headline, or what is a share where parts have no such number (a loss is not told apart by them).
std::string metric_of(const Ablation& ablation, std::size_t cell, const SlicePart& part) {
  if (value_of(part, ablation.headlines[cell])) return ablation.headlines[cell];
  const auto share = std::ranges::find(part.results, "share", &Result::unit);
  return share == part.results.end() ? std::string() : share->name;
}

std::string label_of(const SlicePart& part) {
  return part.first == part.last ? fmt::format("{}", part.first) : fmt::format("{}–{}", part.first, part.last);
}

// Some of so many, the first and the last among them.
std::vector<std::size_t> spread_over(std::size_t count) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < count; ++i) {
    if (count <= kPartsShown) chosen.push_back(i);
  }
  for (std::size_t k = 0; count > kPartsShown && k < kPartsShown; ++k) {
    chosen.push_back(k * (count - 1) / (kPartsShown - 1));
  }
  return chosen;
}

std::string cell_text(const Ablation& ablation, std::size_t cell, const std::string& slice, const SlicePart& part,
                      const std::string& metric) {
  std::vector<double> values;
  for (const PlannedRun& run : ablation.runs_of(cell)) {
    const SlicePart* own = part_of(run, slice, part.first, part.last);
    if (own == nullptr) continue;
    if (const std::optional<double> value = value_of(*own, metric)) values.push_back(*value);
  }
  return values.empty() ? "–" : fmt::format("{:.3f}", spread_of(values).mean);
}

}  // namespace

std::string slice_tables_text(const Ablation& ablation, const std::vector<std::size_t>& cells, std::size_t width) {
  const std::vector<SlicedResults>* slices = slices_of(ablation, cells);
  if (slices == nullptr) return {};
  std::string text;
  for (const SlicedResults& slice : *slices) {
    if (slice.parts.empty()) continue;
    const std::string metric = metric_of(ablation, cells.front(), slice.parts.front());
    if (metric.empty()) continue;
    const std::vector<std::size_t> shown = spread_over(slice.parts.size());
    std::vector<std::string> titles;
    for (const Variation& variation : ablation.variations) titles.emplace_back(variation.option->name);
    for (const std::size_t i : shown) titles.push_back(label_of(slice.parts[i]));
    // The first and the last part stay, and those amid them as long as possible.
    std::vector<std::string> expendable;
    for (const std::size_t every : {std::size_t{2}, std::size_t{1}}) {
      for (std::size_t k = 1; k + 1 < shown.size(); k += every) expendable.push_back(label_of(slice.parts[shown[k]]));
    }
    Table table(std::move(titles));
    table.may_leave_out(std::move(expendable));
    for (const std::size_t cell : cells) {
      std::vector<std::string> row = ablation.cells[cell].values;
      for (const std::size_t i : shown) row.push_back(cell_text(ablation, cell, slice.name, slice.parts[i], metric));
      table.add(std::move(row));
    }
    const std::string more = shown.size() < slice.parts.size() ? fmt::format(" ({} of {} parts; slices.csv has all)",
                                                                             shown.size(), slice.parts.size())
                                                               : "";
    text += "\n" + wrapped(fmt::format("{} by {}{}", plain_name(metric), plain_name(slice.name), more), width) + "\n" +
            table.text(width);
  }
  return text;
}

std::string slices_csv(const Ablation& ablation) {
  std::vector<std::string> metrics;
  for (const PlannedRun& run : ablation.runs) {
    if (!has_result(run)) continue;
    for (const SlicedResults& slice : run.result->judged.slices) {
      for (const SlicePart& part : slice.parts) {
        for (const Result& result : part.results) {
          if (std::ranges::count(metrics, result.name) == 0) metrics.push_back(result.name);
        }
      }
    }
  }
  if (metrics.empty()) return {};
  std::vector<std::string> titles;
  for (const Variation& variation : ablation.variations) titles.emplace_back(variation.option->name);
  for (const char* title : {"seed", "slice", "first", "last"}) titles.emplace_back(title);
  titles.insert(titles.end(), metrics.begin(), metrics.end());
  titles.emplace_back("held_out");
  Table table(std::move(titles));
  for (const PlannedRun& run : ablation.runs) {
    if (!has_result(run)) continue;
    for (const SlicedResults& slice : run.result->judged.slices) {
      for (const SlicePart& part : slice.parts) {
        std::vector<std::string> row = ablation.cells[run.cell].values;
        row.insert(row.end(), {fmt::format("{}", run.seed), slice.name, fmt::format("{}", part.first),
                               fmt::format("{}", part.last)});
        for (const std::string& metric : metrics) {
          const std::optional<double> value = value_of(part, metric);
          row.push_back(value ? fmt::format("{}", *value) : "");
        }
        row.push_back(ablation.held_out(run.cell));
        table.add(std::move(row));
      }
    }
  }
  return table.csv();
}

}  // namespace tapehead
