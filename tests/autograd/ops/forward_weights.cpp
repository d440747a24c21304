// What makes weights of scores under a mask. Thresholds are found by halving an interval, not by sorting.

#include <algorithm>
#include <cmath>
#include <functional>

#include "autograd/ops/masked_entmax15.hpp"
#include "autograd/ops/masked_relu.hpp"
#include "autograd/ops/masked_scores.hpp"
#include "autograd/ops/masked_sigmoid.hpp"
#include "autograd/ops/masked_sparsemax.hpp"
#include "autograd/ops/masked_top_softmax.hpp"
#include "autograd/ops/sink_softmax.hpp"
#include "autograd/ops/stick_breaking.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"
#include "tests/autograd/ops/near_mask.hpp"

namespace tapehead {
namespace {

using Column = std::vector<long double>;

// f replaces the scores that a query may attend, in order, of one head; the others become zero.
Plain under_near(const Plain& x, std::int64_t heads, const std::function<void(Column&, std::int64_t)>& f) {
  Plain y(x.shape);
  for (std::int64_t s = 0; s < x.shape.slices; ++s) {
    for (std::int64_t q = 0; q < x.shape.columns; ++q) {
      const MaskSite at{s / heads, s % heads, x.shape.rows};
      Column column;
      for (std::int64_t k = 0; k < x.shape.rows; ++k) {
        if (Near{}.allows(at, q, k)) column.push_back(x(k, q, s));
      }
      if (!column.empty()) f(column, at.head);
      auto next = column.begin();
      for (std::int64_t k = 0; k < x.shape.rows; ++k) {
        if (Near{}.allows(at, q, k)) y(k, q, s) = *next++;
      }
    }
  }
  return y;
}

// The τ at which the falling sum over the column of each(x, τ) is one.
template <class F>
long double threshold(const Column& x, F each) {
  long double low = -1000;
  long double high = 1000;
  for (int i = 0; i < 200; ++i) {
    const long double middle = (low + high) / 2;
    long double sum = 0;
    for (const long double value : x) sum += each(value, middle);
    (sum > 1 ? low : high) = middle;
  }
  return high;
}

long double sparse(long double x, long double t) { return std::max(x - t, 0.0L); }
long double entmax(long double x, long double t) { return std::pow(std::max(x / 2 - t, 0.0L), 2); }

void by_threshold(Column& column, long double (*each)(long double, long double)) {
  const long double t = threshold(column, each);
  for (long double& x : column) x = each(x, t);
}

void top_softmax(Column& column, std::size_t largest) {
  Column weights(column.size());
  long double total = 0;
  for (std::size_t i = 0; i < column.size(); ++i) {
    std::size_t before = 0;
    for (std::size_t j = 0; j < column.size(); ++j)
      before += column[j] > column[i] || (column[j] == column[i] && j < i);
    total += weights[i] = before < largest ? std::exp(column[i]) : 0;
  }
  for (std::size_t i = 0; i < column.size(); ++i) column[i] = weights[i] / total;
}

void break_stick(Column& column) {
  const Column x = column;
  for (std::size_t k = 0; k < x.size(); ++k) {
    column[k] = 1 / (1 + std::exp(-x[k]));
    for (std::size_t later = k + 1; later < x.size(); ++later) column[k] /= 1 + std::exp(x[later]);
  }
}

void with_sink(Column& column, long double sink) {
  long double total = std::exp(sink);
  for (const long double x : column) total += std::exp(x);
  for (long double& x : column) x = std::exp(x) / total;
}

// The same call and loops at three sizes.
template <class Call, class Loops>
ForwardOracle weights(const std::string& op, Call call, Loops loops) {
  ForwardOracle oracle{op, {}};
  const auto add = [&](const char* label, Shape shape, std::int64_t heads) {
    oracle.cases.push_back(
        {label,
         {{shape, -3, 3}},
         [=](auto x) { return call(x[0], heads); },
         [=](PlainInputs x) { return under_near(x[0], heads, [&](Column& column, std::int64_t) { loops(column); }); }});
  };
  add("K5_Q4_H2_B3", {5, 4, 6}, 2);
  add("K33_Q5", {33, 5, 4}, 1);
  add("K3_Q40", {3, 40, 3}, 1);
  return oracle;
}

ForwardOracle relu_oracle() {
  ForwardOracle oracle{"masked_relu", {}};
  for (const int power : {1, 2}) {
    ForwardOracle one = weights(
        "masked_relu", [power](auto x, std::int64_t heads) { return masked_relu(x, Near{}, heads, power); },
        [power](Column& column) {
          for (long double& x : column)
            x = std::pow(std::max(x, 0.0L), power) / static_cast<long double>(column.size());
        });
    for (ForwardCase& each : one.cases) {
      each.label += power == 1 ? "" : "_squared";
      oracle.cases.push_back(std::move(each));
    }
  }
  return oracle;
}

ForwardOracle sink_oracle() {
  ForwardOracle oracle = weights(
      "sink_softmax", [](auto x, std::int64_t heads) { return sink_softmax(x, {}, Near{}, heads); },
      [](Column& column) { with_sink(column, 0); });
  oracle.cases.push_back({"learned",
                          {{{5, 4, 6}, -3, 3}, {{2}, -3, 3}},
                          [](auto x) { return sink_softmax(x[0], x[1], Near{}, 2); },
                          [](PlainInputs x) {
                            return under_near(
                                x[0], 2, [&](Column& column, std::int64_t head) { with_sink(column, x[1](head)); });
                          }});
  return oracle;
}

}  // namespace

std::vector<ForwardOracle> weight_oracles() {
  return {
      weights(
          "masked_sparsemax", [](auto x, std::int64_t heads) { return masked_sparsemax(x, Near{}, heads); },
          [](Column& column) { by_threshold(column, sparse); }),
      weights(
          "masked_entmax15", [](auto x, std::int64_t heads) { return masked_entmax15(x, Near{}, heads); },
          [](Column& column) { by_threshold(column, entmax); }),
      weights(
          "masked_sigmoid", [](auto x, std::int64_t heads) { return masked_sigmoid(x, Near{}, heads); },
          [](Column& column) {
            const auto n = static_cast<long double>(column.size());
            for (long double& x : column) x = 1 / (1 + n * std::exp(-x));
          }),
      weights(
          "masked_top_softmax", [](auto x, std::int64_t heads) { return masked_top_softmax(x, Near{}, heads, 3); },
          [](Column& column) { top_softmax(column, 3); }),
      weights(
          "masked_scores", [](auto x, std::int64_t heads) { return masked_scores(x, Near{}, heads); }, [](Column&) {}),
      weights(
          "stick_breaking", [](auto x, std::int64_t heads) { return stick_breaking(x, Near{}, heads); }, break_stick),
      relu_oracle(),
      sink_oracle(),
  };
}

}  // namespace tapehead
