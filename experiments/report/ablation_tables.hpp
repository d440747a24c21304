#pragma once

#include <string>
#include <vector>

#include "experiments/report/json.hpp"
#include "experiments/runs/ablation.hpp"
#include "experiments/runs/statistics.hpp"

namespace tapehead {

/// Finished runs of a cell that came to a result, and those that diverged.
std::int64_t finished_runs(const Ablation& ablation, std::size_t cell);
std::int64_t diverged_runs(const Ablation& ablation, std::size_t cell);

enum class Weights { judged, last };

/// One figure over the seeds of a cell.
struct Figure {
  std::string name;              ///< snake_case
  std::optional<Spread> spread;  ///< none where no run has such a number
};

/// What the finished runs of a cell came to that did not diverge: the metrics of their evaluations, without those that
/// only count, and the seconds. Empty if there is no such run.
std::vector<Figure> figures_of(const Ablation& ablation, std::size_t cell, Weights weights);

/// Cells that are judged on the same sequences with the same vocabularies, in the order of the grid: each group makes a
/// table of its own.
std::vector<std::vector<std::size_t>> comparable_cells(const Ablation& ablation);

/// Every finished run, and every cell with mean and standard deviation, as CSV. What a row is judged on stands in its
/// column held_out: rows in which that differs cannot be compared.
std::string runs_csv(const Ablation& ablation);
std::string summary_csv(const Ablation& ablation);

/// For people: a table for each group of cells that can be compared, and one for the last weights where better ones
/// were kept.
std::string tables_text(const Ablation& ablation, std::size_t width);
Json tables_json(const Ablation& ablation);

}  // namespace tapehead
