#include "autograd/check/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "autograd/problem.hpp"

namespace tapehead {

const char* name_of(Diagnosis diagnosis) {
  switch (diagnosis) {
    case Diagnosis::none:
      return "";
    case Diagnosis::sign:
      return "sign";
    case Diagnosis::factor:
      return "factor";
    case Diagnosis::transposed:
      return "transposed";
    case Diagnosis::accumulated_too_few:
      return "accumulated too few times";
    case Diagnosis::accumulated_too_many:
      return "accumulated too many times";
    case Diagnosis::not_connected:
      return "not connected";
    case Diagnosis::leaks_through_mask:
      return "leaks through a mask";
    case Diagnosis::wrong_where_masked:
      return "wrong only where masked";
    case Diagnosis::broadcast_not_summed:
      return "broadcast not summed";
    case Diagnosis::wrong_in_part:
      return "wrong only in part";
    case Diagnosis::permuted:
      return "permuted";
  }
  return "";
}

const char* name_of(Ground ground) {
  switch (ground) {
    case Ground::agreement:
      return "agreement";
    case Ground::complex_step:
      return "complex step";
    case Ground::complex_pullback:
      return "complex pullback";
    case Ground::differences:
      return "differences";
    case Ground::differences_alone:
      return "differences alone";
    case Ground::complex_step_alone:
      return "complex step alone";
    case Ground::kink:
      return "kink";
    case Ground::control_coarse:
      return "control too coarse";
    case Ground::oracle_coarse:
      return "oracle too coarse";
    case Ground::says_nothing:
      return "differences say nothing";
    case Ground::lost_in_rounding:
      return "lost in rounding";
    case Ground::not_finite:
      return "not finite";
  }
  return "";
}

const char* name_of(Verdict verdict) {
  return verdict == Verdict::pass ? "pass" : verdict == Verdict::fail ? "fail" : "inconclusive";
}

Verdict CheckReport::verdict() const {
  Verdict worst = Verdict::pass;
  for (const Finding& finding : findings) {
    if (finding.verdict == Verdict::fail) return Verdict::fail;
    if (finding.verdict == Verdict::inconclusive) worst = Verdict::inconclusive;
  }
  return worst;
}

Diagnosis CheckReport::diagnosis() const {
  std::map<Diagnosis, int> counts;
  for (const Finding& finding : findings) {
    if (finding.diagnosis != Diagnosis::none) ++counts[finding.diagnosis];
  }
  std::pair<Diagnosis, int> most{Diagnosis::none, 0};
  for (const auto& [diagnosis, count] : counts) {  // of equals the later one: it says more
    if (count >= most.second) most = {diagnosis, count};
  }
  return most.first;
}

std::string CheckReport::text() const {
  if (findings.empty()) return fmt::format("{}: {} derivatives, all right\n", name, derivatives.size());
  std::string text;
  std::size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.check.size());
  for (const Finding& finding : findings) {
    text += fmt::format("{} {}: {:<{}}  {}\n", finding.verdict == Verdict::fail ? "FAILED" : "INCONCLUSIVE", name,
                        finding.check, width, finding.text);
  }
  return text;
}

std::string place_of(const Variable& variable, std::int64_t element) {
  const auto [row, column, slice] = variable.shape.index(element);
  std::string place = fmt::format("{} (row {}, column {}, slice {}", variable.name, row, column, slice);
  for (const RowPart& part : variable.parts) {
    if (!part.holds(row)) continue;
    if (part.name != variable.name) place += ": " + part.name;
    if (part.heads > 1) place += fmt::format(", head {}", part.head_of(row));
  }
  return place + ")";
}

}  // namespace tapehead
