// Every op at sizes that its spec does not list: each size beyond 64 in turn, and all of them drawn at random, by
// another seed in every run.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/check/check.hpp"
#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/window.hpp"
#include "autograd/ops/attention.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

using Sizes = std::map<std::int64_t, std::int64_t>;  // what takes the place of a size, wherever it stands

constexpr std::int64_t kListed = 40;  // sizes beyond stand for long cases, which are long enough

std::vector<InputSpec> resized(std::vector<InputSpec> inputs, const Sizes& sizes) {
  for (InputSpec& input : inputs) {
    for (std::int64_t* size : {&input.shape.rows, &input.shape.columns, &input.shape.slices}) {
      if (const auto found = sizes.find(*size); found != sizes.end()) *size = found->second;
    }
  }
  return inputs;
}

std::set<std::int64_t> sizes_of(const std::vector<InputSpec>& inputs) {
  std::set<std::int64_t> sizes;
  for (const InputSpec& input : inputs) {
    for (const std::int64_t size : {input.shape.rows, input.shape.columns, input.shape.slices}) {
      if (size > 1) sizes.insert(size);
    }
  }
  return sizes;
}

bool is_short(const std::vector<InputSpec>& inputs) {
  const auto sizes = sizes_of(inputs);
  return sizes.empty() || *sizes.rbegin() <= kListed;
}

// From the environment, to repeat a run; else anything.
std::uint64_t seed_of_this_run() {
  static const std::uint64_t seed = [] {
    const char* given = std::getenv("TAPEHEAD_TEST_SEED");
    const std::uint64_t drawn = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    return drawn;
  }();
  return seed;
}

std::vector<Sizes> ways_to_resize(const std::vector<InputSpec>& inputs, std::uint32_t number) {
  std::vector<Sizes> ways;
  for (const std::int64_t size : sizes_of(inputs)) ways.push_back({{size, size + 64}});
  const RandomStream random(seed_of_this_run(), Purpose::test, number);
  Sizes drawn;
  for (const std::int64_t size : sizes_of(inputs)) {
    drawn[size] = 2 + static_cast<std::int64_t>(random.below(24, static_cast<std::uint32_t>(size)));
  }
  ways.push_back(drawn);
  return ways;
}

// Nothing where the op refuses these sizes, since they do not fit what the case holds besides: ids, a range of rows.
std::optional<CheckReport> check_resized(const OpSpec& spec, OpCase op_case, const Sizes& sizes) {
  op_case.inputs = resized(op_case.inputs, sizes);
  OpSpec one{spec.name, {op_case}};
  one.dual_by_hand = spec.dual_by_hand;
  const ProblemCase problem = problem_cases(one)[0];
  try {
    Tape<double> tape;
    std::vector<Var<double>> x;
    const Problem drawn = problem.draw(1);
    for (const Variable& v : drawn.variables()) x.push_back(tape.constant(v.shape, drawn.point().data() + v.offset));
    op_case.call(tape, Inputs<double>(x));
  } catch (const Error&) {
    return {};
  }
  // A kink leaves a direction of many elements nothing to probe: there element by element.
  const std::int64_t elements = spec.name == "relu" ? 4096 : 48;
  return check_problem(problem, {.seed = seed_of_this_run() % 1000 + 1, .elements = elements, .directions = 2});
}

TEST(ResizedOps, HaveRightGradients) {
  RecordProperty("seed", std::to_string(seed_of_this_run()));
  std::uint32_t number = 0;
  for (const OpSpec& spec : op_specs()) {
    int checked = 0;
    for (const OpCase& each : spec.cases) {
      if (!is_short(each.inputs) || spec.name == "attention") continue;  // whose masks have sizes of their own
      for (const Sizes& sizes : ways_to_resize(each.inputs, number++)) {
        const auto report = check_resized(spec, each, sizes);
        if (!report) continue;
        ++checked;
        EXPECT_NE(report->verdict(), Verdict::fail)
            << "TAPEHEAD_TEST_SEED=" << seed_of_this_run() << ": " << each.label << ": " << report->text();
      }
    }
    if (spec.name == "attention") continue;
    EXPECT_GE(checked, 4) << spec.name;
  }
}

// Every mask with either kernel, with dropout and without, at sizes of this run; no derivative crosses the mask.
TEST(ResizedOps, AttentionHasRightGradients) {
  const RandomStream random(seed_of_this_run(), Purpose::test, 1000);
  const RandomStream dropout(seed_of_this_run(), Purpose::dropout);
  std::uint32_t draw = 0;
  const auto below = [&](std::uint64_t bound) { return 1 + static_cast<std::int64_t>(random.below(bound, draw++)); };
  for (int i = 0; i < 28; ++i) {
    const std::int64_t slices = below(5);
    const std::int64_t queries = i < 4 ? 64 + below(8) : below(9);
    const std::int64_t keys = i < 2 ? 128 + below(8) : below(9);
    std::vector<std::int32_t> lengths;
    for (std::int64_t slice = 0; slice < slices; ++slice) {
      lengths.push_back(static_cast<std::int32_t>(below(static_cast<std::uint64_t>(keys) + 1) - 1));  // also none
    }
    const Mask window = Window{.left = below(9), .right = below(3) - 2};
    const Mask masks[] = {{},
                          Causal{},
                          Causal{.offset = below(5) - 3},
                          Lengths{lengths.data()},
                          Causal{} & window,
                          Lengths{lengths.data()} & (Causal{.offset = keys - queries} | window),
                          Window{.left = below(3)} | window};
    AttentionOptions options{.heads = below(6), .scale = 0.6, .mask = masks[i % 7]};
    options.kernel = i % 2 == 0 ? AttentionKernel::whole : AttentionKernel::tiled;
    if (i % 3 == 0) {
      options.dropout = 0.3;
      options.random = &dropout;
    }
    const std::int64_t rows = options.heads * below(5), value_rows = options.heads * below(5);
    const auto input = [&](const char* name, std::int64_t height, std::int64_t columns) {
      return InputSpec{.shape = {height, columns, slices}, .name = name, .parts = {{name, 0, height, options.heads}}};
    };
    const auto call = [options](auto x) {
      using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
      return attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), options).context;
    };
    const auto may_attend = [mask = options.mask](std::int64_t query, std::int64_t key, std::int64_t slice) {
      return mask.allows({.example = slice}, query, key);
    };
    const OpSpec spec{"attention",
                      {{"resized",
                        {input("query", rows, queries), input("key", rows, keys), input("value", value_rows, keys)},
                        call,
                        {options.heads, may_attend}}}};
    const CheckReport report =
        check_problem(problem_cases(spec)[0], {.seed = seed_of_this_run() % 1000 + 1, .elements = 48, .directions = 2});
    EXPECT_NE(report.verdict(), Verdict::fail)
        << "TAPEHEAD_TEST_SEED=" << seed_of_this_run() << " mask " << i % 7 << " heads " << options.heads << " rows "
        << rows << " queries " << queries << " keys " << keys << " slices " << slices << ": " << report.text();
  }
}

TEST(ResizedOps, HaveRightValues) {
  std::uint32_t number = 2000;
  for (auto family : {elementwise_oracles, shape_oracles, product_oracles, column_oracles, weight_oracles,
                      score_oracles, position_oracles, sequence_oracles, cell_oracles, token_oracles}) {
    for (const ForwardOracle& oracle : family()) {
      int checked = 0;
      for (const ForwardCase& at : oracle.cases) {
        for (const Sizes& sizes : ways_to_resize(at.inputs, number++)) {
          const auto inputs = resized(at.inputs, sizes);
          SCOPED_TRACE(testing::Message()
                       << "TAPEHEAD_TEST_SEED=" << seed_of_this_run() << " " << oracle.op << "/" << at.label);
          if (compare_with_plain_loops(at, inputs)) ++checked;
          if (testing::Test::HasFatalFailure()) return;
        }
      }
      EXPECT_GE(checked, 2) << oracle.op;
    }
  }
}

}  // namespace
}  // namespace tapehead
