// Every op gives the same bits with one thread and with three; overlapping inputs too. The thread sanitizer runs it as
// well.

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/parallel.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

template <Scalar T>
std::vector<T> numbers(const InputSpec& spec, std::uint32_t which) {
  const RandomStream random(21, Purpose::test, which);
  std::vector<T> values(static_cast<std::size_t>(spec.shape.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<T>(spec.low + (spec.high - spec.low) * random.uniform(static_cast<std::uint32_t>(i)));
  }
  return values;
}

// Values, then the gradients of all inputs. `alias`: the inputs of one shape are one variable.
template <Scalar T>
std::vector<T> run(const OpCase& op_case, WorkerPool* workers, bool alias) {
  Tape<T> tape;
  tape.set_workers(workers);
  std::vector<Var<T>> x;
  for (std::size_t i = 0; i < op_case.inputs.size(); ++i) {
    const InputSpec& spec = op_case.inputs[i];
    if (alias && i > 0 && spec.shape == op_case.inputs[0].shape) {
      x.push_back(x[0]);
    } else {
      x.push_back(tape.input(spec.shape, numbers<T>(spec, static_cast<std::uint32_t>(i)).data()));
    }
  }
  const Var<T> y = op_case.call(tape, Inputs<T>(x));
  std::vector<T> found(y.data(), y.data() + y.shape().size());
  if (!y.needs_gradient()) return found;
  tape.backward(y, numbers<T>({.shape = y.shape()}, 99).data());
  for (const Var<T>& input : x) {
    const T* d = tape.gradient(input);
    if (d != nullptr) found.insert(found.end(), d, d + input.shape().size());
  }
  return found;
}

template <Scalar T>
void expect_same_bits(const OpCase& op_case, bool alias, int times) {
  const std::vector<T> alone = run<T>(op_case, nullptr, alias);
  WorkerPool workers(3);
  for (int i = 0; i < times; ++i) {
    const std::vector<T> together = run<T>(op_case, &workers, alias);
    ASSERT_EQ(alone.size(), together.size());
    ASSERT_EQ(std::memcmp(alone.data(), together.data(), alone.size() * sizeof(T)), 0) << (alias ? "aliased" : "apart");
  }
}

TEST(OpThreads, EveryCaseGivesTheSameBits) {
  for (const OpSpec& spec : op_specs()) {
    for (const OpCase& each : spec.cases) {
      SCOPED_TRACE(spec.name + "/" + each.label);
      for (const bool alias : {false, true}) {
        expect_same_bits<double>(each, alias, 2);
        expect_same_bits<float>(each, alias, 2);
      }
    }
  }
}

// Query, key and value are rows of one variable that overlap, so that several heads add to one row: another order of
// additions, or a lost one, is another sum.
TEST(OpThreads, OverlappingBlocksGiveTheSameBits) {
  struct Overlap {
    std::int64_t query, key, value;
  };
  for (const Overlap& at :
       {Overlap{0, 0, 0}, Overlap{0, 2, 4}, Overlap{0, 4, 8}, Overlap{6, 0, 3}, Overlap{0, 12, 6}}) {
    for (const bool causal : {false, true}) {
      for (const AttentionKernel kernel : {AttentionKernel::tiled, AttentionKernel::whole}) {
        const AttentionOptions options{
            .heads = 6, .scale = 0.7, .mask = causal ? Mask::causal() : Mask::everything(), .kernel = kernel};
        const OpCase overlapping{"overlap", {{.shape = {24, 150, 2}}}, [=](auto x) {
                                   using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
                                   return attention(Block{x[0], at.query, 12}, Block{x[0], at.key, 12},
                                                    Block{x[0], at.value, 12}, options)
                                       .context;
                                 }};
        SCOPED_TRACE(testing::Message() << at.query << " " << at.key << " " << at.value << (causal ? " causal" : ""));
        expect_same_bits<double>(overlapping, false, 12);
        expect_same_bits<float>(overlapping, false, 12);
      }
    }
  }
}

}  // namespace
}  // namespace tapehead
