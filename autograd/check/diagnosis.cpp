#include "autograd/check/diagnosis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>

namespace tapehead {
namespace {

constexpr std::int64_t kLargestRoot = 256;  // √d is looked for up to here
constexpr double kSlack = 2;                // tolerances within which a rule must explain every element
constexpr double kWeighty = 10;             // of that: smaller numbers carry no sign and no factor
constexpr double kRelative = 1e-10;         // of a number itself: what rounding of it may be

using Numbers = std::vector<double>;

bool near(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance; }

bool all_near(const Numbers& a, const Numbers& b, double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!near(a[i], b[i], tolerance)) return false;
  }
  return true;
}

// What the rules look at, worked out once.
struct Case {
  const Evidence& evidence;
  std::vector<std::size_t> wrong;
  double tolerance;
  double largest = 0;        // of |expected|
  double largest_error = 0;  // of |analytic − expected|

  explicit Case(const Evidence& given) : evidence(given), tolerance(kSlack * given.tolerance) {
    for (std::size_t i = 0; i < given.analytic.size(); ++i) {
      const double error = std::abs(a(i) - o(i));
      if (!(error <= given.tolerance + kRelative * std::abs(o(i)))) wrong.push_back(i);
      largest = std::max(largest, std::abs(o(i)));
      largest_error = std::max(largest_error, std::isnan(error) ? HUGE_VAL : error);
    }
  }
  double a(std::size_t i) const { return evidence.analytic[i]; }
  double o(std::size_t i) const { return evidence.expected[i]; }
  bool negligible(double x) const { return std::abs(x) <= std::max(kWeighty * tolerance, 1e-9 * largest); }
  bool is_wrong(std::size_t i) const { return std::ranges::binary_search(wrong, i); }
};

using Found = std::optional<Explanation>;

Found not_connected(const Case& c) {
  const bool zero = std::ranges::all_of(c.evidence.analytic, [](double a) { return a == 0; });
  if (!zero) return {};
  return Explanation{Diagnosis::not_connected, "the gradient is zero throughout: nothing reaches it"};
}

Found masked(const Case& c) {
  const auto zero_there = [&](std::size_t i) { return std::abs(c.o(i)) <= 1e-14 * c.largest; };
  if (c.largest == 0 || !std::ranges::all_of(c.wrong, zero_there)) return {};
  return Explanation{
      Diagnosis::wrong_where_masked,
      fmt::format("wrong only where the derivative is zero ({} elements): a mask is ignored, or what was dropped",
                  c.wrong.size())};
}

// A number that is zero has no sign.
Found sign(const Case& c) {
  for (const std::size_t i : c.wrong) {
    if (c.negligible(c.o(i)) || !near(c.a(i), -c.o(i), c.tolerance)) return {};
  }
  std::size_t right = 0;
  for (std::size_t i = 0; i < c.evidence.expected.size(); ++i) right += !c.negligible(c.o(i)) && !c.is_wrong(i);
  if (right == 0) return Explanation{Diagnosis::sign, "the right numbers with the other sign"};
  return Explanation{Diagnosis::sign, fmt::format("the right numbers, {} of them with the other sign", c.wrong.size())};
}

// Elements that are not negligible are all wrong by one factor. One number alone is some multiple of any other: only a
// factor that has a name says something of it.
Found factor(const Case& c) {
  std::size_t pivot = 0;
  for (std::size_t i = 0; i < c.evidence.expected.size(); ++i) {
    if (std::abs(c.o(i)) > std::abs(c.o(pivot))) pivot = i;
  }
  if (c.negligible(c.o(pivot)) || !c.is_wrong(pivot)) return {};
  const double ratio = c.a(pivot) / c.o(pivot);
  std::size_t weighty = 0;
  for (std::size_t i = 0; i < c.evidence.expected.size(); ++i) {
    if (!near(c.a(i), ratio * c.o(i), std::max(1.0, std::abs(ratio)) * c.tolerance)) return {};
    if (c.negligible(c.o(i))) continue;
    const double error = std::abs(ratio - 1) * std::abs(c.o(i));
    if (!c.is_wrong(i) && error > c.tolerance) return {};
    ++weighty;
  }
  if (ratio == 0 || std::abs(ratio - 1) * std::abs(c.o(pivot)) <= c.tolerance) return {};  // it explains nothing
  const std::string name = recognised(ratio);
  if (weighty < 2 && name.find_first_of(".e") != std::string::npos && name.find("√") == std::string::npos) return {};
  return Explanation{Diagnosis::factor, fmt::format("the right numbers times {}{}", name,
                                                    weighty < 2 ? " (of one number that is not zero)" : "")};
}

Found transposed(const Case& c) {
  const auto [rows, columns, slices] = c.evidence.variable.shape;
  if (rows < 2 || columns < 2) return {};
  Numbers turned(c.evidence.expected.size());
  for (std::int64_t s = 0; s < slices; ++s) {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t q = 0; q < columns; ++q) {
        const std::int64_t base = s * rows * columns;
        turned[static_cast<std::size_t>(base + r * columns + q)] = c.o(static_cast<std::size_t>(base + r + q * rows));
      }
    }
  }
  if (!all_near(c.evidence.analytic, turned, c.tolerance)) return {};
  return Explanation{Diagnosis::transposed, "the right numbers with rows and columns exchanged"};
}

// The sum over the output's columns or slices is only taken for the first, the last, or not at all.
Found broadcast(const Case& c) {
  const Shape out = c.evidence.output;
  const auto restricted = [&](const std::function<bool(std::int64_t, std::int64_t)>& takes) {
    Numbers sums;
    for (const Numbers& tangent : c.evidence.tangents) {
      double sum = 0;
      for (std::int64_t s = 0; s < out.slices; ++s) {
        for (std::int64_t q = 0; q < out.columns; ++q) {
          if (!takes(q, s)) continue;
          for (std::int64_t r = 0; r < out.rows; ++r) {
            const auto at = static_cast<std::size_t>(out.offset({r, q, s}));
            sum += c.evidence.cotangent[at] * tangent[at];
          }
        }
      }
      sums.push_back(sum);
    }
    return all_near(c.evidence.analytic, sums, c.tolerance);
  };
  if (c.evidence.tangents.empty()) return {};
  for (const bool last : {false, true}) {
    const std::int64_t column = last ? out.columns - 1 : 0;
    const std::int64_t slice = last ? out.slices - 1 : 0;
    const char* which = last ? "last" : "first";
    const auto told = [&](const char* axis) {
      return Explanation{Diagnosis::broadcast_not_summed,
                         fmt::format("the contribution of the {} {} alone, not the sum over all", which, axis)};
    };
    if (out.slices > 1 && restricted([=](std::int64_t, std::int64_t s) { return s == slice; })) return told("slice");
    if (out.columns > 1 && restricted([=](std::int64_t q, std::int64_t) { return q == column; })) return told("column");
    if (out.slices > 1 && out.columns > 1 &&
        restricted([=](std::int64_t q, std::int64_t s) { return q == column && s == slice; })) {
      return told("column of one slice");
    }
  }
  return {};
}

// The right numbers, moved along an axis.
Found permuted(const Case& c) {
  const Shape shape = c.evidence.variable.shape;
  const std::int64_t sizes[] = {shape.rows, shape.columns, shape.slices};
  const char* names[] = {"rows", "columns", "slices"};
  for (int axis = 0; axis < 3; ++axis) {
    for (std::int64_t shift = 1; shift < sizes[axis]; ++shift) {
      bool fits = true;
      for (std::int64_t i = 0; fits && i < shape.size(); ++i) {
        std::int64_t at[] = {i % shape.rows, i / shape.rows % shape.columns, i / (shape.rows * shape.columns)};
        at[axis] = (at[axis] + shift) % sizes[axis];
        const auto from = static_cast<std::size_t>(at[0] + shape.rows * (at[1] + shape.columns * at[2]));
        fits = near(c.a(static_cast<std::size_t>(i)), c.o(from), c.tolerance);
      }
      if (!fits) continue;
      const auto& parts = c.evidence.variable.parts;
      const bool heads = axis == 0 && !parts.empty() && parts[0].heads > 1 &&
                         shift % std::max<std::int64_t>(1, parts[0].rows / parts[0].heads) == 0;
      return Explanation{Diagnosis::permuted,
                         heads ? fmt::format("the right numbers of another head ({} rows on)", shift)
                               : fmt::format("the right numbers, moved by {} {}", shift, names[axis])};
    }
  }
  return {};
}

// What is wrong lies in one row, column, slice, part or head, of several.
Found in_part(const Case& c) {
  const Variable& variable = c.evidence.variable;
  const Shape shape = variable.shape;
  std::set<std::int64_t> rows, columns, slices;
  for (const std::size_t i : c.wrong) {
    const auto [row, column, slice] = shape.index(static_cast<std::int64_t>(i));
    rows.insert(row);
    columns.insert(column);
    slices.insert(slice);
  }
  const auto told = [&](const std::string& where) {
    const bool zero = std::ranges::all_of(c.wrong, [&](std::size_t i) { return c.a(i) == 0; });
    return Explanation{Diagnosis::wrong_in_part,
                       fmt::format("wrong in {} alone{}", where, zero ? ", where it is zero" : "")};
  };
  const auto one = [&](const std::set<std::int64_t>& seen, std::int64_t of, const char* axis) -> Found {
    if (seen.size() != 1 || of < 2) return {};
    return told(fmt::format("{} {} of {}", axis, *seen.begin(), of));
  };
  if (auto found = one(slices, shape.slices, "slice")) return found;
  if (auto found = one(columns, shape.columns, "column")) return found;
  if (auto found = one(rows, shape.rows, "row")) return found;
  for (const RowPart& part : variable.parts) {
    const std::int64_t width = part.rows / std::max<std::int64_t>(part.heads, 1);
    for (std::int64_t h = 0; h < part.heads; ++h) {
      const std::int64_t first = part.first + h * width;
      const bool inside = std::ranges::all_of(rows, [&](std::int64_t r) { return r >= first && r < first + width; });
      if (inside && part.heads > 1) return told(fmt::format("head {} of {}", h, part.name));
    }
    const bool inside =
        std::ranges::all_of(rows, [&](std::int64_t r) { return r >= part.first && r < part.first + part.rows; });
    if (inside && variable.parts.size() > 1) return told("the rows of " + part.name);
  }
  return {};
}

}  // namespace

std::string recognised(double factor) {
  const double size = std::abs(factor);
  const char* sign = factor < 0 ? "-" : "";
  const auto is = [&](double value) { return std::abs(size - value) <= 1e-9 * value; };
  for (std::int64_t n = 1; n <= kLargestRoot; ++n) {
    const auto number = static_cast<double>(n);
    if (is(number)) return fmt::format("{}{}", sign, n);
    if (is(1 / number)) return fmt::format("{}1/{}", sign, n);
  }
  for (std::int64_t n = 2; n <= kLargestRoot; ++n) {
    const double root = std::sqrt(static_cast<double>(n));
    if (is(root)) return fmt::format("{}√{} = {:.6g}", sign, n, factor);
    if (is(1 / root)) return fmt::format("{}1/√{} = {:.6g}", sign, n, factor);
  }
  if (std::abs(factor - 1) < 1e-3) return fmt::format("1 {} {:.2e}", factor < 1 ? "-" : "+", std::abs(factor - 1));
  return fmt::format("{:.6g}", factor);
}

Explanation explain(const Evidence& evidence) {
  const Case c(evidence);
  // Within the slack of the rules each of them would explain it.
  if (c.wrong.empty() || c.largest_error <= 2 * c.tolerance) return {};
  for (const auto rule : {not_connected, masked, sign, factor, transposed, broadcast, permuted, in_part}) {
    if (const Found found = rule(c)) return *found;
  }
  return {};
}

}  // namespace tapehead
