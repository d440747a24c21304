#pragma once

#include <optional>
#include <string>
#include <vector>

#include "autograd/check/check.hpp"

namespace tapehead {

/// A case that fails, made as small as it still does.
struct ShrunkCase {
  std::string name;        ///< of the case
  std::uint64_t seed = 0;  ///< that drew the point which failed
  CheckedPrecision precision = CheckedPrecision::double_precision;
  std::vector<Shape> shapes;  ///< of its inputs; empty: those that it had
  std::vector<double> point;  ///< what is left of it: zeros and ones where they do
  CheckReport report;         ///< of what is left
};

/// Takes a case that fails to smaller inputs, then to rounder numbers, as long as it fails by the same check (see
/// Finding::check), in `most` checks at most. Nothing where it does not fail. How Claessen & Hughes (2000,
/// "QuickCheck") make counterexamples readable, greedily: the result need not be the smallest.
std::optional<ShrunkCase> shrink(const ProblemCase& problem, const CheckOptions& options = {}, int most = 300);

/// A program that checks what is left, to be compiled as it stands and linked with tapehead: it prints the findings and
/// ends with 1 as long as there are any. The case is looked up by its name, among those of ops, layers or models.
std::string as_program(const ShrunkCase& shrunk);

}  // namespace tapehead
