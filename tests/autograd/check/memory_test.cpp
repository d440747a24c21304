// Who writes or reads beside his memory is named, and the program goes on.

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "autograd/check/check.hpp"
#include "autograd/fences.hpp"
#include "autograd/poison.hpp"
#include "autograd/tape.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

// exp, whose forward writes `forward` elements too many and whose pullback `backward`; either reads one more.
struct Slip {
  std::int64_t forward = 0, backward = 0, before = 0, scratch = 0;
  bool reads_past = false, leaves_one = false;
};

template <Scalar T>
Var<T> slipping(Var<T> x, Slip slip) {
  const std::int64_t count = x.shape().size();
  const T* in = x.data();
  T* y = x.tape().allocate(count);
  for (std::int64_t i = 0; i < count + slip.forward; ++i) y[i] = std::exp(in[std::min(i, count - 1)]);
  if (slip.leaves_one) y[0] = y[0] * T(1);
  return x.tape().record("slipping", x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    T* scratch = pull.scratch(count);
    for (std::int64_t i = 0; i < count + slip.scratch; ++i) scratch[i] = y[std::min(i, count - 1)];
    auto d_x = pull.into(x);
    d_x.zero_if_fresh(count - (slip.leaves_one ? 1 : 0));
    for (std::int64_t i = -slip.before; i < count + slip.backward; ++i) {
      const std::int64_t at = std::clamp<std::int64_t>(i, 0, count - 1);
      if (i != at) {
        d_x.data[i] = d_y[at];
      } else {
        d_x.data[i] += scratch[at] * d_y[slip.reads_past && at + 1 == count ? count : at];
      }
    }
  });
}

CheckReport check(Slip slip) {
  return check_gradients([slip](auto x) { return slipping(x[0], slip); }, {{{3, 5}}});
}

class MemoryCheck : public testing::Test {
 protected:
  void SetUp() override {
    if (kPoisons) GTEST_SKIP() << "the address sanitizer stops the program first";
  }
};

TEST_F(MemoryCheck, RightCodePasses) { EXPECT_TRUE(check({}).passed()) << check({}).text(); }

TEST_F(MemoryCheck, NamesAForwardThatWritesPastItsOutput) {
  const CheckReport report = check({.forward = 3});
  EXPECT_EQ(report.verdict(), Verdict::fail);
  EXPECT_THAT(report.text(), HasSubstr("up to 24 bytes past the values of slipping are written, in double"));
}

TEST_F(MemoryCheck, NamesAPullbackThatWritesBesideAGradient) {
  EXPECT_THAT(check({.backward = 100}).text(),
              HasSubstr("up to 800 bytes past the gradient of input are written by the pullback of slipping"));
  EXPECT_THAT(check({.before = 1}).text(), HasSubstr("up to 8 bytes before the gradient of input are written"));
  EXPECT_THAT(check({.scratch = 1}).text(), HasSubstr("past the scratch memory of a pullback are written"));
}

TEST_F(MemoryCheck, NamesAPullbackThatReadsWhatNobodyWrote) {
  EXPECT_THAT(check({.reads_past = true}).text(), HasSubstr("gradients depend on memory that nobody wrote"));
  EXPECT_THAT(check({.leaves_one = true}).text(), HasSubstr("gradients depend on memory that nobody wrote"));
}

TEST_F(MemoryCheck, FencesOfAnArenaAreSeenWhenItIsRewound) {
  Fences fences;
  Arena arena;
  arena.set_fences(&fences);
  const Arena::Mark mark = arena.mark();
  fences.set_label("a piece");
  auto* piece = arena.allocate<std::byte>(70);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(piece) % Arena::kAlignment, 0U);
  arena.rewind(mark);
  EXPECT_TRUE(fences.findings().empty());
  piece = arena.allocate<std::byte>(70);
  piece[70] = std::byte{1};
  piece[-1] = std::byte{1};
  arena.rewind(mark);
  ASSERT_EQ(fences.findings().size(), 2U);
  EXPECT_EQ(fences.findings()[0], "up to 1 bytes past a piece are written");
}

}  // namespace
}  // namespace tapehead
