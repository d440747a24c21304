#pragma once

#include <string>
#include <vector>

#include "experiments/runs/ablation.hpp"

namespace tapehead {

/// What cells that can be compared come to on parts of the held-out sequences, by each of the data's slices: a row a
/// cell, a column a part, the mean over seeds of the result that says most. Of many parts some are shown, the first and
/// the last among them. Empty if nothing is sliced.
std::string slice_tables_text(const Ablation& ablation, const std::vector<std::size_t>& cells, std::size_t width);

/// Every part of every finished run, with all that was measured on it, as CSV. Empty if nothing is sliced.
std::string slices_csv(const Ablation& ablation);

}  // namespace tapehead
