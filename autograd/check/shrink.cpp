#include "autograd/check/shrink.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace tapehead {
namespace {

constexpr std::int64_t kEachElement = 64;   // of a variable up to this size each number is made rounder alone
constexpr std::size_t kMostNumbers = 1000;  // that a program lists; beyond, the seed draws them

class Shrinking {
 public:
  Shrinking(const ProblemCase& problem, const CheckOptions& options, int most)
      : problem_(problem), options_(options), left_(most) {
    options_.isolated = false;
  }

  std::optional<ShrunkCase> run() {
    CheckReport first = check_problem(problem_, options_);
    const auto failure = std::ranges::find(first.findings, Verdict::fail, &Finding::verdict);
    if (failure == first.findings.end()) return {};
    failed_check_ = failure->check;
    found_ = {.name = problem_.name,
              .seed = first.seed,
              .precision = options_.precision,
              .shapes = {},
              .point = {},
              .report = std::move(first)};
    const std::optional<Problem> whole = made({});
    if (!whole) return found_;  // what throws as it is drawn gets no smaller
    found_.point = whole->point();
    if (problem_.with_shapes) shrink_sizes(*whole);
    round_numbers();
    return found_;
  }

 private:
  std::optional<Problem> made(const std::vector<Shape>& shapes) const {
    try {
      return shapes.empty() ? problem_.draw(found_.seed) : problem_.with_shapes(shapes, found_.seed);
    } catch (const std::exception&) {
      return {};
    }
  }

  // Whether it still fails so, with these shapes and this point (empty: as drawn); what does is kept.
  bool keeps_failing(const std::vector<Shape>& shapes, std::vector<double> point) {
    if (left_-- <= 0) return false;
    const std::optional<Problem> there = made(shapes);
    if (!there) return false;
    if (point.empty()) point = there->point();
    const auto draw = [&](std::uint64_t) {
      Problem problem = *made(shapes);
      problem.point() = point;
      return problem;
    };
    CheckReport report = check_problem({.name = problem_.name, .draw = draw, .one_point = true}, options_);
    const auto same = [&](const Finding& each) { return each.verdict == Verdict::fail && each.check == failed_check_; };
    if (std::ranges::none_of(report.findings, same)) return false;
    found_.shapes = shapes;
    found_.point = std::move(point);
    found_.report = std::move(report);
    return true;
  }

  // A size that stands in several inputs is one size: rows that are summed over, columns that are joined.
  void shrink_sizes(const Problem& whole) {
    std::vector<Shape> shapes;
    for (std::int64_t i = 0; i < whole.inputs(); ++i) {
      shapes.push_back(whole.variables()[static_cast<std::size_t>(i)].shape);
    }
    for (bool smaller = true; smaller && left_ > 0;) {
      smaller = false;
      std::set<std::int64_t, std::greater<>> sizes;
      for (const Shape& shape : shapes) sizes.insert({shape.rows, shape.columns, shape.slices});
      for (const std::int64_t size : sizes) {
        if (size <= 1) continue;
        for (const std::int64_t next : std::set<std::int64_t>{1, 2, size / 2, size - 1}) {
          if (next >= size || next < 1) continue;
          std::vector<Shape> fewer = shapes;
          for (Shape& shape : fewer) {
            for (std::int64_t* axis : {&shape.rows, &shape.columns, &shape.slices}) {
              if (*axis == size) *axis = next;
            }
          }
          if (!keeps_failing(fewer, {})) continue;
          shapes = fewer;
          smaller = true;
          break;
        }
      }
    }
  }

  void round_numbers() {
    const std::optional<Problem> there = made(found_.shapes);
    if (!there) return;
    for (const Variable& variable : there->variables()) {
      const auto first = static_cast<std::size_t>(variable.offset);
      const auto count = static_cast<std::size_t>(variable.shape.size());
      const auto all_become = [&](auto rounder) {
        std::vector<double> point = found_.point;
        for (std::size_t i = first; i < first + count; ++i) point[i] = rounder(point[i]);
        return point == found_.point || keeps_failing(found_.shapes, point);
      };
      if (all_become([](double) { return 0.0; }) || all_become([](double) { return 1.0; })) continue;
      all_become([](double x) { return std::round(4 * x) / 4; });
      for (std::size_t i = first; i < first + count && variable.shape.size() <= kEachElement; ++i) {
        for (const double number : {0.0, 1.0, std::round(found_.point[i])}) {
          if (number == found_.point[i]) break;
          std::vector<double> point = found_.point;
          point[i] = number;
          if (keeps_failing(found_.shapes, point)) break;
        }
      }
    }
  }

  const ProblemCase& problem_;
  CheckOptions options_;
  int left_;
  std::string failed_check_;
  ShrunkCase found_;
};

// Where cases of a name are found, and what that needs.
struct Place {
  const char* header;
  const char* cases;
};

Place place_of_cases(const std::string& name) {
  if (name.starts_with("layers/")) {
    return {
        "layers/spec.hpp",
        "  std::vector<ProblemCase> cases;\n"
        "  for (const LayerSpec& spec : layer_specs()) std::ranges::copy(spec.cases, std::back_inserter(cases));\n"};
  }
  if (name.starts_with("models/")) {
    return {"trainers/model_problem.hpp", "  const std::vector<ProblemCase> cases = model_problems();\n"};
  }
  return {
      "autograd/spec.hpp",
      "  std::vector<ProblemCase> cases;\n"
      "  for (const OpSpec& spec : op_specs()) std::ranges::copy(problem_cases(spec), std::back_inserter(cases));\n"};
}

std::string numbers_of(const ShrunkCase& shrunk) {
  if (shrunk.point.empty() || shrunk.point.size() > kMostNumbers) return {};
  return fmt::format("    problem.point() = {{{}}};\n", fmt::join(shrunk.point, ", "));
}

}  // namespace

std::optional<ShrunkCase> shrink(const ProblemCase& problem, const CheckOptions& options, int most) {
  return Shrinking(problem, options, most).run();
}

std::string as_program(const ShrunkCase& shrunk) {
  const Place place = place_of_cases(shrunk.name);
  std::vector<std::string> shapes;
  for (const Shape& shape : shrunk.shapes) {
    shapes.push_back(fmt::format("Shape{{{}, {}, {}}}", shape.rows, shape.columns, shape.slices));
  }
  const std::string problem = shapes.empty() ? fmt::format("at->draw({})", shrunk.seed)
                                             : fmt::format("at->with_shapes(std::vector<Shape>{{{}}}, {})",
                                                           fmt::join(shapes, ", "), shrunk.seed);
  return fmt::format(
      "#include <algorithm>\n"
      "#include <iostream>\n"
      "#include <iterator>\n\n"
      "#include \"autograd/check/check.hpp\"\n"
      "#include \"{}\"\n\n"
      "using namespace tapehead;\n\n"
      "int main() {{\n"
      "{}"
      "  const auto at = std::ranges::find(cases, \"{}\", &ProblemCase::name);\n"
      "  const auto shrunk = [&](std::uint64_t) {{\n"
      "    Problem problem = {};\n"
      "{}"
      "    return problem;\n"
      "  }};\n"
      "  const CheckReport report = check_problem({{\"shrunk\", shrunk, true}}{});\n"
      "  std::cout << report.text();\n"
      "  return report.passed() ? 0 : 1;\n"
      "}}\n",
      place.header, place.cases, shrunk.name, problem, numbers_of(shrunk),
      shrunk.precision == CheckedPrecision::single_precision ? ", {.precision = CheckedPrecision::single_precision}"
                                                             : "");
}

}  // namespace tapehead
