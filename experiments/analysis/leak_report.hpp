#pragma once

#include <string>
#include <vector>

#include "experiments/analysis/model_leaks.hpp"
#include "experiments/report/heat_map.hpp"

namespace tapehead {

/// A row for each model: how many pairs and exchanges of each kind were looked at, and whether one leaks; then a
/// sentence for each leak, and one that sums up.
std::string leak_table(const std::vector<ModelLeaks>& results, std::size_t width);
/// Which place knows which: a map of every input, of the first example that shows something of every kind. The shade is
/// the square root of the influence, as a share of the largest of its row.
std::string leak_maps(const ModelLeaks& leaks, HeatMapStyle style, std::size_t width);
/// The same as one picture.
std::string leak_svg(const std::vector<ModelLeaks>& results);
std::string leak_json(const std::vector<ModelLeaks>& results);

}  // namespace tapehead
