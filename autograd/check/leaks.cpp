#include "autograd/check/leaks.hpp"

#include <algorithm>
#include <array>

#include "autograd/base/errors.hpp"
#include "autograd/check/evaluator.hpp"
#include "autograd/check/numbers.hpp"
#include "autograd/check/oracles.hpp"

namespace tapehead {
namespace {

using Complex = std::complex<double>;

class LeakSearch {
 public:
  LeakSearch(const Problem& problem, const ReachRule& rule, std::uint64_t seed)
      : problem_(problem), rule_(rule), complex_(problem), real_(problem) {
    real_.value();
    output_ = real_.output_shape();
    require_shapes();
    for (std::int64_t i = 0; i < problem.inputs(); ++i) {
      const Shape& shape = variable(i).shape;
      directions_.push_back(Direction::random(variable(i).offset, shape.size(), seed));
      const auto count = static_cast<std::size_t>(shape.columns * output_.points());
      report.influences.push_back({variable(i).name, shape.columns, output_.columns, output_.slices,
                                   std::vector<double>(count), std::vector<double>(count)});
    }
  }

  LeakReport report;

  // True: examples know nothing of each other, so that all of them can be looked at together.
  bool check_examples() {
    for (std::int64_t b = 0; b < output_.slices; ++b) {
      const std::vector<double> forward = tangents_of([&](const Shape::Index& at) { return at.slice == b; }, -1);
      const std::vector<double> backward = gradients_of([&](const Shape::Index& at) { return at.slice == b; });
      for (std::int64_t other = 0; other < output_.slices; ++other) {
        if (other == b) continue;
        report.pairs[static_cast<int>(Leak::example)] += output_.columns;
        for (std::int64_t t = 0; t < output_.columns; ++t) {
          const double reached = column_size(forward.data(), output_, t, other);
          if (reached != 0) note({Leak::example, "", t, other, -1, b, reached, 0});
        }
        for (std::int64_t i = 0; i < problem_.inputs(); ++i) {
          const Shape& shape = variable(i).shape;
          for (std::int64_t k = 0; k < shape.columns; ++k) {
            const double reached = column_size(backward.data() + variable(i).offset, shape, k, other);
            if (reached != 0) note({Leak::example, variable(i).name, -1, b, k, other, 0, reached});
          }
        }
      }
    }
    return report.findings.empty();
  }

  // Fills the influences; `together`: of all examples in one pass.
  void measure(bool together) {
    const auto chosen = [&](std::int64_t column, std::int64_t slice) {
      return [=](const Shape::Index& at) { return at.column == column && (together || at.slice == slice); };
    };
    const std::int64_t passes = together ? 1 : output_.slices;
    for (std::int64_t pass = 0; pass < passes; ++pass) {
      const std::int64_t first = together ? 0 : pass;
      const std::int64_t last = together ? output_.slices : pass + 1;
      for (std::int64_t i = 0; i < problem_.inputs(); ++i) {
        Influence& influence = report.influences[static_cast<std::size_t>(i)];
        for (std::int64_t k = 0; k < influence.inputs; ++k) {
          const std::vector<double> tangents = tangents_of(chosen(k, pass), i);
          for (std::int64_t b = first; b < last; ++b) {
            for (std::int64_t t = 0; t < output_.columns; ++t) {
              influence.forward[influence.at(k, t, b)] = column_size(tangents.data(), output_, t, b);
            }
          }
        }
      }
      for (std::int64_t t = 0; t < output_.columns; ++t) {
        const std::vector<double> gradients = gradients_of(chosen(t, pass));
        for (std::int64_t i = 0; i < problem_.inputs(); ++i) {
          Influence& influence = report.influences[static_cast<std::size_t>(i)];
          for (std::int64_t b = first; b < last; ++b) {
            for (std::int64_t k = 0; k < influence.inputs; ++k) {
              influence.backward[influence.at(k, t, b)] =
                  column_size(gradients.data() + variable(i).offset, variable(i).shape, k, b);
            }
          }
        }
      }
    }
  }

  void judge() {
    for (std::size_t i = 0; i < report.influences.size(); ++i) {
      const Influence& influence = report.influences[i];
      const Reach& reach = rule_.inputs[i];
      for (std::int64_t b = 0; b < influence.slices; ++b) {
        for (std::int64_t t = 0; t < influence.outputs; ++t) {
          for (std::int64_t k = 0; k < influence.inputs; ++k) judge(influence, reach, k, t, b);
        }
      }
    }
  }

 private:
  const Variable& variable(std::int64_t i) const { return problem_.variables()[static_cast<std::size_t>(i)]; }

  void require_shapes() const {
    if (std::ssize(rule_.inputs) != problem_.inputs()) {
      throw ShapeError("leaks: the rule is one of " + std::to_string(rule_.inputs.size()) + " inputs, and there are " +
                       std::to_string(problem_.inputs()));
    }
    for (std::int64_t i = 0; i < problem_.inputs(); ++i) {
      if (variable(i).shape.slices == output_.slices) continue;
      throw ShapeError("leaks: " + variable(i).name + " is " + to_string(variable(i).shape) + " and the output " +
                       to_string(output_) + "; both must have a slice for each example");
    }
  }

  // The output's tangents when what `chosen` takes of an input, or of all for -1, moves.
  template <class Chosen>
  std::vector<double> tangents_of(Chosen chosen, std::int64_t input) {
    for (std::int64_t i = 0; i < problem_.inputs(); ++i) {
      const Shape& shape = variable(i).shape;
      for (std::int64_t e = 0; e < shape.size(); ++e) {
        const bool moves = (input < 0 || input == i) && chosen(shape.index(e));
        const double along = moves ? directions_[static_cast<std::size_t>(i)].values[static_cast<std::size_t>(e)] : 0;
        complex_.point()[static_cast<std::size_t>(variable(i).offset + e)].imag(kComplexStep * along);
      }
    }
    std::vector<double> tangents;
    for (const Complex& y : complex_.value()) tangents.push_back(y.imag() / kComplexStep);
    return tangents;
  }

  // The gradient of what `chosen` takes of the output, with entries of several sizes and signs.
  template <class Chosen>
  std::vector<double> gradients_of(Chosen chosen) {
    std::vector<double> cotangent(static_cast<std::size_t>(output_.size()));
    const Direction random = Direction::random(0, output_.size(), 77);
    for (std::int64_t o = 0; o < output_.size(); ++o) {
      if (chosen(output_.index(o))) cotangent[static_cast<std::size_t>(o)] = random.values[static_cast<std::size_t>(o)];
    }
    return real_.gradient(cotangent);
  }

  static double column_size(const double* values, const Shape& shape, std::int64_t column, std::int64_t slice) {
    return root_mean_square({values + shape.offset({0, column, slice}), static_cast<std::size_t>(shape.rows)});
  }

  void judge(const Influence& influence, const Reach& reach, std::int64_t k, std::int64_t t, std::int64_t b) {
    const auto slice = static_cast<std::size_t>(b);
    const double forward = influence.forward[influence.at(k, t, b)];
    const double backward = influence.backward[influence.at(k, t, b)];
    bool may = true;
    const auto forbid = [&](Leak leak) {
      may = false;
      ++report.pairs[static_cast<int>(leak)];
      if (forward != 0 || backward != 0) note({leak, influence.input, t, b, k, b, forward, backward});
    };
    const bool counts = rule_.lengths.empty() || t < rule_.lengths[slice];
    if (!reach.ahead && k > t) forbid(Leak::future);
    if (counts && !reach.lengths.empty() && k >= reach.lengths[slice]) forbid(Leak::padding);
    if (may && forward != 0) ++report.influencing;
  }

  void note(const LeakFinding& found) {
    const auto size = [](const LeakFinding& f) { return std::max(f.forward, f.backward); };
    for (LeakFinding& known : report.findings) {
      const bool same_way = (known.forward != 0) == (found.forward != 0);
      if (known.leak != found.leak || known.input != found.input || !same_way) continue;
      if (size(found) > size(known)) known = found;
      return;
    }
    report.findings.push_back(found);
  }

  const Problem& problem_;
  const ReachRule& rule_;
  Evaluator<Complex> complex_;
  Evaluator<double> real_;
  Shape output_;
  std::vector<Direction> directions_;
};

}  // namespace

const char* name_of(Leak leak) {
  static constexpr std::array kNames{"future", "padding", "example", "answer"};
  return kNames[static_cast<std::size_t>(leak)];
}

LeakReport find_leaks(const Problem& problem, const ReachRule& rule, std::uint64_t seed) {
  LeakSearch search(problem, rule, seed);
  const bool apart = search.check_examples();
  search.measure(apart);
  search.judge();
  return std::move(search.report);
}

}  // namespace tapehead
