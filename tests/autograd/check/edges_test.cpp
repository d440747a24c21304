// Points at the edge of a domain, beyond which a function is no number: differences on one side decide.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "autograd/check/check.hpp"
#include "autograd/check/ridders.hpp"
#include "autograd/tape.hpp"

namespace tapehead {
namespace {

// y = (x − edge)³ + 2 x on one side of the edge, no number on the other; the slope may be off.
struct HalfLine {
  double edge = 0;
  bool upwards = true;  // where it is a number
  double off = 1;
};

template <Scalar T>
Var<T> half_line(Var<T> x, HalfLine at) {
  const std::int64_t count = x.shape().size();
  const T edge(static_cast<Real<T>>(at.edge));
  const T off(static_cast<Real<T>>(at.off));
  T* y = x.tape().allocate(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const T beyond = x.data()[i] - edge;
    const bool inside = at.upwards ? std::real(beyond) >= 0 : std::real(beyond) <= 0;
    y[i] = inside ? beyond * beyond * beyond + T(2) * x.data()[i] : T(std::numeric_limits<Real<T>>::quiet_NaN());
  }
  return x.tape().record("half_line", x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) {
      d_x.accumulate(count, [=](std::int64_t i) {
        const T beyond = x.data()[i] - edge;
        return off * (T(3) * beyond * beyond + T(2)) * d_y[i];
      });
    }
  });
}

CheckReport checked(HalfLine at, bool double_alone = false) {
  const GenericFunction both = [at](auto x) { return half_line(x[0], at); };
  const GenericFunction alone = [at](Inputs<double> x) { return half_line(x[0], at); };
  return check_gradients(double_alone ? alone : both, {{{3, 2}, at.edge, at.edge}});  // all at the edge
}

TEST(Edges, ARightSlopePassesOnTheOnlySideThatThereIs) {
  for (const HalfLine at : {HalfLine{0, true}, HalfLine{0, false}, HalfLine{1, true}, HalfLine{-0.7, false}}) {
    for (const bool double_alone : {false, true}) {
      const CheckReport report = checked(at, double_alone);
      EXPECT_TRUE(report.passed()) << report.text();
      EXPECT_EQ(report.derivatives.size(), 6U);
      EXPECT_EQ(report.redrawn, 0);
      EXPECT_EQ(report.second_order, double_alone ? 0 : 6);
    }
  }
}

TEST(Edges, AWrongSlopeFails) {
  for (const HalfLine at : {HalfLine{0, true, 1.0001}, HalfLine{1, false, -1}}) {
    for (const bool double_alone : {false, true}) {
      const CheckReport report = checked(at, double_alone);
      EXPECT_EQ(report.verdict(), Verdict::fail) << at.edge << double_alone << report.text();
    }
  }
}

TEST(Edges, OneSidedDifferencesAreAsRightAsTheySay) {
  for (const auto f : {+[](double t) { return std::exp(t); }, +[](double t) { return std::sin(5 * t) / 5 + t * t; },
                       +[](double t) { return 1 / (1 - t); }}) {
    const auto probe = [f](double h) -> std::optional<Difference> {
      return Difference{{f(h) - f(0)}, {4 * 0x1p-53 * (std::abs(f(0)) + std::abs(f(h)))}};
    };
    for (const bool confirmed : {false, true}) {
      const RiddersEstimate estimate = confirmed ? confirmed_ridders(probe, 0.125, 0, Probes::one_sided)
                                                 : ridders(probe, 0.125, 0, Probes::one_sided);
      ASSERT_TRUE(estimate.found);
      EXPECT_LE(std::abs(estimate.value[0] - 1), estimate.error[0]);
      EXPECT_LT(estimate.error[0], 1e-9);
    }
  }
}

}  // namespace
}  // namespace tapehead
