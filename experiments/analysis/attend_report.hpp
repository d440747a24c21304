#pragma once

#include <string>
#include <vector>

#include "experiments/analysis/attend.hpp"
#include "experiments/report/heat_map_svg.hpp"

namespace tapehead {

/// How an attention is shown.
struct AttendView {
  std::vector<std::string> queries = {}, keys = {}, dims = {};  ///< names; empty: they are numbered
  std::string scores = "scores";                                ///< their title
  bool log_sum_exp = true;                                      ///< whether weights have anything to do with it
  bool mask = false;                                            ///< whether a picture of it is drawn
  std::int64_t example = 0;
  std::int64_t head = -1;  ///< -1: all
  int digits = 3;
  HeatMapStyle style = HeatMapStyle::ascii;
  std::size_t width = 80;
};

/// Scores, their log-sum-exp, weights and contexts as tables, and the weights as a map; for each head that is asked
/// for.
std::string attend_text(const AttendResult& result, const AttendView& view);
/// All of it. Of one head of one example its matrices; else nested lists, an example, a head, a query at a time.
std::string attend_json(const AttendResult& result, const AttendView& view);
/// What of it was not learnt, in a line; empty if all was given. "untrained: Wq, Wk, u of score additive are drawn with
/// seed 1; …".
std::string untrained_text(const AttendResult& result);
/// The weights of each head, and what its mask allows.
std::string attend_svg(const AttendResult& result, const AttendView& view);

}  // namespace tapehead
