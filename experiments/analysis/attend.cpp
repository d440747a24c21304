#include "experiments/analysis/attend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "layers/attention/attention_scale.hpp"
#include "layers/attention/attention_stages.hpp"

namespace tapehead {
namespace {

// Of each table that is shown.
constexpr std::int64_t kMostNumbers = 2'000'000;

void require_sizes(const Matrix& query, const Matrix& key, const Matrix& value) {
  if (query.columns != key.columns) {
    throw ShapeError(fmt::format("attend: queries have {} each, keys {}; they must be equally wide",
                                 counted(query.columns, "number"), key.columns));
  }
  if (key.rows != value.rows) {
    throw ShapeError(fmt::format("attend: {} but {}; each key needs one value", counted(key.rows, "key"),
                                 counted(value.rows, "value")));
  }
  const std::int64_t widest = std::max(key.rows, value.columns);
  if (query.rows > kMostNumbers / widest) {
    throw ShapeError(
        fmt::format("attend: {} queries with {} keys and values of {} numbers make a table of over {} numbers, "
                    "more than anybody can look at; take fewer rows",
                    query.rows, key.rows, value.columns, kMostNumbers));
  }
}

// Rows of a matrix are the columns of a value: the same numbers in the same order.
Var<double> on_tape(Tape<double>& tape, const Matrix& matrix) {
  return tape.constant({matrix.columns, matrix.rows}, matrix.values.data());
}

Matrix from_columns(const double* data, std::int64_t rows, std::int64_t columns) {
  Matrix matrix(rows, columns);
  std::copy_n(data, rows * columns, matrix.values.data());
  return matrix;
}

// Finite vectors may have products that are not. Their weights would mean nothing.
void require_finite(const Matrix& matrix, const char* what, const char* across) {
  for (std::int64_t r = 0; r < matrix.rows; ++r) {
    for (std::int64_t c = 0; c < matrix.columns; ++c) {
      if (std::isfinite(matrix(r, c))) continue;
      throw DataError(
          fmt::format("attend: the {} of query {} and {} {} is {}, beyond the largest number of double "
                      "precision; take smaller numbers",
                      what, r, across, c, std::isnan(matrix(r, c)) ? "not a number" : "infinite"));
    }
  }
}

}  // namespace

AttendResult attend(const Matrix& query, const Matrix& key, const Matrix& value, const AttendOptions& options) {
  require_sizes(query, key, value);
  if (options.scale == "inv_sqrt_dmodel") {
    throw ConfigError(
        "scale: inv_sqrt_dmodel needs a model, and given matrices have none; use inv_sqrt_dk or a number");
  }
  const StageSpec& score = find_stage(StageKind::score, options.stages.score);
  const StageSpec& normalizer = find_stage(StageKind::normalizer, options.stages.normalizer);
  const AttentionStages stages{.sizes = {1, query.columns, value.columns},
                               .score = &score,
                               .normalizer = &normalizer,
                               .scale = attention_scale(options.scale, query.columns, query.columns),
                               .cap = options.stages.cap,
                               .numbers = options.stages.numbers};
  ParameterLayout layout;
  std::uint32_t sites = 0;
  const auto declared = [&](const StageSpec& stage) {
    return stage.declare == nullptr
               ? std::vector<Parameter>()
               : stage.declare(Scope(layout, sites) / name_of(stage.kind), stages.sizes, stages.numbers);
  };
  const std::vector<Parameter> of_score = declared(score);
  const std::vector<Parameter> of_normalizer = declared(normalizer);
  layout.seal();
  ParameterStore<double> store(layout);
  store.initialise(1);
  Tape<double> tape(store);
  const auto leaves = [&](const std::vector<Parameter>& parameters) {
    std::vector<Var<double>> learned;
    for (const Parameter& parameter : parameters) learned.push_back(tape.leaf(parameter));
    return learned;
  };
  const std::vector<Var<double>> score_leaves = leaves(of_score);
  const std::vector<Var<double>> normalizer_leaves = leaves(of_normalizer);

  Var<double> scores;
  Var<double> weights;
  const ProbeAt probe({What::scores, What::weights},
                      [&](const Site& site, Var<double> x) { (site.what == What::scores ? scores : weights) = x; });
  using Block = RowBlock<double>;
  const std::string path = "attend";
  const Var<double> context = attend<double>(stages,
                                             {Block::all(on_tape(tape, query)),
                                              Block::all(on_tape(tape, key)),
                                              Block::all(on_tape(tape, value)),
                                              score_leaves,
                                              {},
                                              normalizer_leaves},
                                             options.causal ? Mask::causal() : Mask::everything(), {.probe = &probe},
                                             {path, AttentionRole::cross});

  AttendResult result{from_columns(scores.data(), query.rows, key.rows),
                      from_columns(weights.data(), query.rows, key.rows),
                      from_columns(context.data(), query.rows, value.columns)};
  require_finite(result.scores, "score", "key");
  require_finite(result.context, "context", "dim");
  for (std::int64_t i = 0; options.causal && i < query.rows; ++i) {
    for (std::int64_t j = i + 1; j < key.rows; ++j) result.scores(i, j) = std::numeric_limits<double>::quiet_NaN();
  }
  return result;
}

}  // namespace tapehead
