// Every op gives the same bits with one thread and with three; overlapping inputs too. The thread sanitizer runs it as
// well.

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
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

// Whether two threads are ever at work at the same time: the first that comes waits for another.
class Meeting {
 public:
  // From now on; who came before does not count.
  void begin(std::chrono::milliseconds patience) { patience_ = patience; }
  bool met() const { return met_; }

  void come() {
    std::unique_lock lock(mutex_);
    if (patience_ == std::chrono::milliseconds(0)) return;
    if (first_ == std::thread::id()) {
      first_ = std::this_thread::get_id();
      came_.wait_for(lock, patience_, [&] { return met_; });
    } else if (first_ != std::this_thread::get_id()) {
      met_ = true;
      came_.notify_all();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::chrono::milliseconds patience_{0};
  std::thread::id first_;
  bool met_ = false;
};

// A mask that allows everything. Each task asks it what of a tile is covered, and so comes to the meeting.
struct Everything {
  Meeting* meeting;

  KeyRange hull(const MaskSite& at, std::int64_t /*query*/) const { return {0, at.keys}; }
  bool allows(const MaskSite& /*at*/, std::int64_t /*query*/, std::int64_t /*key*/) const { return true; }
  Cover cover(const MaskSite& /*at*/, const MaskTile& /*tile*/) const {
    meeting->come();
    return Cover::all;
  }
};

// Whether heads are pulled back at the same time by three workers, blocks of 12 rows beginning at these.
bool heads_meet(std::int64_t query, std::int64_t key, std::int64_t value, std::chrono::milliseconds patience) {
  Meeting meeting;
  WorkerPool workers(3);
  Tape<double> tape;
  tape.set_workers(&workers);
  const InputSpec rows{.shape = {36, 150, 2}};
  const Var<double> x = tape.input(rows.shape, numbers<double>(rows, 0).data());
  const AttentionOptions options{
      .heads = 6, .scale = 0.7, .mask = Everything{&meeting}, .kernel = AttentionKernel::tiled};
  using Block = RowBlock<double>;
  const Var<double> y = attention(Block{x, query, 12}, Block{x, key, 12}, Block{x, value, 12}, options).context;
  meeting.begin(patience);
  tape.backward(y, numbers<double>({.shape = y.shape()}, 99).data());
  return meeting.met();
}

// Bits may come out the same although heads that add to the same rows run at the same time, if chance keeps them apart.
// So the first head is held until another thread is at one, which must not happen where any two blocks overlap.
TEST(OpThreads, HeadsThatShareRowsAreNeverPulledBackAtTheSameTime) {
  using namespace std::chrono_literals;
  EXPECT_TRUE(heads_meet(0, 12, 24, 60s)) << "blocks apart: the work is to be shared";
  EXPECT_FALSE(heads_meet(0, 6, 24, 1s)) << "query and key overlap";
  EXPECT_FALSE(heads_meet(0, 24, 11, 1s)) << "query and value overlap";
  EXPECT_FALSE(heads_meet(24, 0, 4, 1s)) << "key and value overlap";
}

}  // namespace
}  // namespace tapehead
