#include "autograd/kernels/gemm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"

namespace tapehead {
namespace {

template <class T>
class Gemm : public testing::Test {};

using Scalars = testing::Types<float, double, std::complex<double>>;
TYPED_TEST_SUITE(Gemm, Scalars);

template <class T>
std::vector<T> random_matrix(std::int64_t stride, std::int64_t columns, std::uint32_t which) {
  const RandomStream random(1, Purpose::test, which);
  std::vector<T> values(static_cast<std::size_t>(stride * columns));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<std::uint32_t>(i);
    if constexpr (RealScalar<T>) {
      values[i] = static_cast<T>(random.normal(at));
    } else {
      values[i] = {random.normal(at), random.normal(at, 1)};
    }
  }
  return values;
}

// Every transpose, strides wider than the matrix, alpha and beta, against a triple loop in double precision.
TYPED_TEST(Gemm, AgreesWithATripleLoop) {
  using T = TypeParam;
  const double tolerance = 10 * std::numeric_limits<Real<T>>::epsilon();
  struct Sizes {
    std::int64_t m, n, k;
  };
  // Whole and broken panels, one and several parts of the inner index, every number of columns left over, and BLAS.
  for (const auto [m, n, k] :
       {Sizes{1, 1, 1}, Sizes{3, 5, 4}, Sizes{17, 2, 33}, Sizes{64, 48, 16}, Sizes{7, 9, 0}, Sizes{32, 7, 20},
        Sizes{49, 10, 300}, Sizes{40, 17, 129}, Sizes{70, 250, 300}, Sizes{5, 3, 1300}, Sizes{1100, 3, 5}}) {
    for (const Transpose op_a : {Transpose::no, Transpose::yes}) {
      for (const Transpose op_b : {Transpose::no, Transpose::yes}) {
        for (const double beta : {0.0, 1.0, -0.5}) {
          const std::int64_t a_rows = op_a == Transpose::yes ? k : m;
          const std::int64_t b_rows = op_b == Transpose::yes ? n : k;
          const auto a = random_matrix<T>(a_rows + 3, op_a == Transpose::yes ? m : k, 1);
          const auto b = random_matrix<T>(b_rows + 1, op_b == Transpose::yes ? k : n, 2);
          auto c = random_matrix<T>(m + 2, n, 3);
          if (beta == 0) std::fill(c.begin(), c.end(), T(NAN));
          const auto before = c;
          const auto offset = random_matrix<T>(m, 1, 4);
          gemm(T(2), MatrixView(a.data(), a_rows, op_a == Transpose::yes ? m : k, a_rows + 3), op_a,
               MatrixView(b.data(), b_rows, op_b == Transpose::yes ? k : n, b_rows + 1), op_b, T(beta),
               MatrixView(c.data(), m, n, m + 2), beta == 1 ? offset.data() : nullptr);
          for (std::int64_t j = 0; j < n; ++j) {
            for (std::int64_t i = 0; i < m; ++i) {
              std::complex<double> sum = 0;
              double magnitude = 1;
              for (std::int64_t p = 0; p < k; ++p) {
                const T x = op_a == Transpose::yes ? a[static_cast<std::size_t>(p + i * (a_rows + 3))]
                                                   : a[static_cast<std::size_t>(i + p * (a_rows + 3))];
                const T y = op_b == Transpose::yes ? b[static_cast<std::size_t>(j + p * (b_rows + 1))]
                                                   : b[static_cast<std::size_t>(p + j * (b_rows + 1))];
                sum += std::complex<double>(x) * std::complex<double>(y);
                magnitude += std::abs(std::complex<double>(x) * std::complex<double>(y));
              }
              const auto at = static_cast<std::size_t>(i + j * (m + 2));
              std::complex<double> expected = 2.0 * sum;
              if (beta != 0) expected += beta * std::complex<double>(before[at]);
              if (beta == 1) expected += std::complex<double>(offset[static_cast<std::size_t>(i)]);
              ASSERT_LE(std::abs(std::complex<double>(c[at]) - expected), tolerance * magnitude);
            }
            // The rows between the matrix and its stride belong to somebody else.
            for (std::int64_t i = m; i < m + 2; ++i) {
              const auto at = static_cast<std::size_t>(i + j * (m + 2));
              ASSERT_TRUE(c[at] == before[at] || beta == 0);
            }
          }
        }
      }
    }
  }
}

template <class T>
class RealGemm : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(RealGemm, Reals);

// Whether a sequence is decoded alone or beside others, a column has the same bits, as long as the small kernels take
// it.
TYPED_TEST(RealGemm, AColumnDoesNotDependOnHowManyThereAre) {
  using T = TypeParam;
  constexpr std::int64_t kColumns = 9;
  for (const std::int64_t m : {1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 64}) {
    for (const std::int64_t k : {1, 2, 7, 16, 33, 100, 130, 300}) {
      for (const Transpose op_a : {Transpose::no, Transpose::yes}) {
        const std::int64_t rows = op_a == Transpose::yes ? k : m;
        const std::int64_t columns = op_a == Transpose::yes ? m : k;
        const auto a = random_matrix<T>(rows, columns, 1);
        const auto b = random_matrix<T>(k, kColumns, 2);
        const auto offset = random_matrix<T>(m, 1, 4);
        const auto multiply = [&](std::int64_t first, std::int64_t count, std::vector<T>& c) {
          gemm(T(0.3), MatrixView(a.data(), rows, columns), op_a, MatrixView(b.data() + first * k, k, count),
               Transpose::no, T(0), MatrixView(c.data() + first * m, m, count), offset.data());
        };
        std::vector<T> together(static_cast<std::size_t>(m * kColumns));
        multiply(0, kColumns, together);
        for (std::int64_t count = 1; count < kColumns; ++count) {
          std::vector<T> apart(together.size());
          for (std::int64_t j = 0; j < kColumns; j += count) multiply(j, std::min(count, kColumns - j), apart);
          ASSERT_EQ(apart, together) << m << " rows, " << k << " inner, " << count << " columns at a time";
        }
      }
    }
  }
}

// A head is a block of rows of a wider matrix: what lies beside it may be anything.
TYPED_TEST(RealGemm, NumbersBesideAHeadDoNotMatter) {
  using T = TypeParam;
  for (std::int64_t m = 1; m <= 40; ++m) {
    const std::int64_t n = 5, k = 6, stride = m + 20;
    for (const Transpose op_a : {Transpose::no, Transpose::yes}) {
      const std::int64_t rows = op_a == Transpose::yes ? k : m;
      const std::int64_t columns = op_a == Transpose::yes ? m : k;
      auto a = random_matrix<T>(stride, columns, 1);
      for (std::int64_t j = 0; j < columns; ++j) {
        std::fill_n(a.begin() + j * stride + rows, stride - rows, T(NAN));
      }
      const auto b = random_matrix<T>(k, n, 2);
      std::vector<T> c(static_cast<std::size_t>(m * n));
      gemm(T(1), MatrixView(a.data(), rows, columns, stride), op_a, MatrixView(b.data(), k, n), Transpose::no, T(0),
           MatrixView(c.data(), m, n));
      for (const T x : c) ASSERT_FALSE(std::isnan(x)) << m;
    }
  }
}

TEST(ComplexGemm, KeepsAnImaginaryPartOfDualSize) {
  // (2 + i·3h)(5 + i·7h) = 10 + i·29h: the derivative of a product, exact at h = 2^-332.
  constexpr double h = 0x1p-332;
  const std::complex<double> a(2, 3 * h);
  const std::complex<double> b(5, 7 * h);
  std::complex<double> c;
  gemm(std::complex<double>(1), MatrixView(&a, 1, 1), Transpose::no, MatrixView(&b, 1, 1), Transpose::yes,
       std::complex<double>(0), MatrixView(&c, 1, 1));
  EXPECT_EQ(c.real(), 10);
  EXPECT_EQ(c.imag(), 29 * h);
}

TEST(Gemm, SizesThatDoNotFitAreRefused) {
  const std::vector<double> a(6), b(6);
  std::vector<double> c(4);
  const auto multiply = [&](Transpose op_b, std::int64_t c_columns) {
    gemm(1.0, MatrixView<const double>(a.data(), 2, 3), Transpose::no, MatrixView<const double>(b.data(), 3, 2), op_b,
         0.0, MatrixView<double>(c.data(), 2, c_columns));
  };
  EXPECT_NO_THROW(multiply(Transpose::no, 2));
  EXPECT_THROW(multiply(Transpose::yes, 2), ShapeError);
  EXPECT_THROW(multiply(Transpose::no, 1), ShapeError);
}

}  // namespace
}  // namespace tapehead
