#include <cmath>

#include "autograd/ops/layer_norm.hpp"
#include "autograd/ops/log_softmax.hpp"
#include "autograd/ops/masked_softmax.hpp"
#include "autograd/ops/rms_norm.hpp"
#include "autograd/ops/softmax.hpp"
#include "autograd/ops/unit_norm.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"
#include "tests/autograd/ops/near_mask.hpp"

namespace tapehead {
namespace {

// Nothing is subtracted before exp: long double has the range for the samples here.
long double sum_of_exp(const Plain& x, std::int64_t c, std::int64_t s) {
  long double sum = 0;
  for (std::int64_t r = 0; r < x.shape.rows; ++r) sum += std::exp(x(r, c, s));
  return sum;
}

Plain softmax_by_loops(PlainInputs x) {
  return Plain::of(x[0].shape,
                   [&](auto r, auto c, auto s) { return std::exp(x[0](r, c, s)) / sum_of_exp(x[0], c, s); });
}

Plain log_softmax_by_loops(PlainInputs x) {
  return Plain::of(x[0].shape,
                   [&](auto r, auto c, auto s) { return x[0](r, c, s) - std::log(sum_of_exp(x[0], c, s)); });
}

ForwardCase normalised(const std::string& label, InputSpec x, double epsilon) {
  return {label,
          {x, {{x.shape.rows}}, {{x.shape.rows}}},
          [epsilon](auto in) { return layer_norm(in[0], in[1], in[2], epsilon); },
          [epsilon](PlainInputs in) {
            const std::int64_t rows = in[0].shape.rows;
            return Plain::of(in[0].shape, [&](auto r, auto c, auto s) {
              long double mean = 0;
              for (std::int64_t i = 0; i < rows; ++i) mean += in[0](i, c, s) / static_cast<long double>(rows);
              long double variance = 0;
              for (std::int64_t i = 0; i < rows; ++i) {
                variance += (in[0](i, c, s) - mean) * (in[0](i, c, s) - mean) / static_cast<long double>(rows);
              }
              return in[1](r) * (in[0](r, c, s) - mean) / std::sqrt(variance + static_cast<long double>(epsilon)) +
                     in[2](r);
            });
          }};
}

ForwardCase divided_by_its_size(const std::string& label, InputSpec x, double epsilon) {
  return {label,
          {x, {{x.shape.rows}}},
          [epsilon](auto in) { return rms_norm(in[0], in[1], epsilon); },
          [epsilon](PlainInputs in) {
            const std::int64_t rows = in[0].shape.rows;
            return Plain::of(in[0].shape, [&](auto r, auto c, auto s) {
              long double squares = 0;
              for (std::int64_t i = 0; i < rows; ++i) squares += in[0](i, c, s) * in[0](i, c, s);
              return in[1](r) * in[0](r, c, s) /
                     std::sqrt(squares / static_cast<long double>(rows) + static_cast<long double>(epsilon));
            });
          }};
}

ForwardCase softmax_within(const std::string& label, Shape shape, std::int64_t heads) {
  return {label,
          {{shape, -9, 9}},
          [=](auto x) { return masked_softmax(x[0], Near{}, heads); },
          [=](PlainInputs x) {
            const auto weight = [&](auto k, auto q, auto s) {
              const std::int64_t reach = 3 * (s / heads) - s % heads;
              return std::abs(k - q) <= reach ? std::exp(x[0](k, q, s)) : 0.0L;
            };
            return Plain::of(x[0].shape, [&](auto k, auto q, auto s) {
              long double sum = 0;
              for (std::int64_t i = 0; i < x[0].shape.rows; ++i) sum += weight(i, q, s);
              return sum > 0 ? weight(k, q, s) / sum : 0.0L;
            });
          }};
}

ForwardCase of_unit_length(const std::string& label, InputSpec x, std::int64_t heads, double epsilon) {
  return {label,
          {x, {{heads}}},
          [=](auto in) { return unit_norm(in[0], in[1], heads, epsilon); },
          [=](PlainInputs in) {
            const std::int64_t width = in[0].shape.rows / heads;
            return Plain::of(in[0].shape, [&](auto r, auto c, auto s) {
              long double squares = 0;
              for (std::int64_t i = r / width * width; i < (r / width + 1) * width; ++i) {
                squares += in[0](i, c, s) * in[0](i, c, s);
              }
              return in[1](r / width) * in[0](r, c, s) / std::sqrt(squares + static_cast<long double>(epsilon));
            });
          }};
}

std::vector<InputSpec> columns_of(Shape shape) { return {{shape, -9, 9}}; }

}  // namespace

std::vector<ForwardOracle> column_oracles() {
  const auto soft = [](auto x) { return softmax(x[0]); };
  const auto log_soft = [](auto x) { return log_softmax(x[0]); };
  return {
      {"softmax",
       {{"K1_Q3", columns_of({1, 3}), soft, softmax_by_loops},
        {"K5_Q3_B2", columns_of({5, 3, 2}), soft, softmax_by_loops},
        {"K33_Q2", columns_of({33, 2}), soft, softmax_by_loops}}},
      {"log_softmax",
       {{"K1_Q3", columns_of({1, 3}), log_soft, log_softmax_by_loops},
        {"K5_Q3_B2", columns_of({5, 3, 2}), log_soft, log_softmax_by_loops},
        {"K33_Q2", columns_of({33, 2}), log_soft, log_softmax_by_loops}}},
      {"layer_norm",
       {normalised("C5_T3_B2", {{5, 3, 2}}, 1e-5), normalised("C1", {{1, 3}}, 1e-5),
        normalised("C33_far_from_zero", {{33, 4}, 9, 11}, 1e-5), normalised("large_epsilon", {{8, 3, 2}}, 0.5)}},
      {"rms_norm",
       {divided_by_its_size("C5_T3_B2", {{5, 3, 2}}, 1e-5), divided_by_its_size("C1", {{1, 3}}, 1e-5),
        divided_by_its_size("C33_far_from_zero", {{33, 4}, 9, 11}, 1e-5),
        divided_by_its_size("large_epsilon", {{8, 3, 2}}, 0.5)}},
      {"masked_softmax",
       {softmax_within("K5_Q4_H2_B3", {5, 4, 6}, 2), softmax_within("K33_Q5", {33, 5, 4}, 1),
        softmax_within("K3_Q40", {3, 40, 3}, 1)}},
      {"unit_norm",
       {of_unit_length("D3_H2_T3_B2", {{6, 3, 2}}, 2, 1e-6), of_unit_length("D1_H4", {{4, 3}}, 4, 1e-6),
        of_unit_length("D33_H1_large_epsilon", {{33, 4}}, 1, 0.5)}},
  };
}

}  // namespace tapehead
