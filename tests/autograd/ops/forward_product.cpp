#include <cmath>
#include <numbers>

#include "autograd/ops/affine.hpp"
#include "autograd/ops/affine_activation.hpp"
#include "autograd/ops/gated.hpp"
#include "autograd/ops/matmul.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

// (out, T, B) from x (in, T, B), weight (in, out) and, if there is a third input, bias (out).
Plain affine_by_loops(PlainInputs x) {
  return Plain::of({x[1].shape.columns, x[0].shape.columns, x[0].shape.slices}, [&](auto o, auto t, auto b) {
    long double sum = x.size() > 2 ? x[2](o) : 0;
    for (std::int64_t i = 0; i < x[0].shape.rows; ++i) sum += x[1](i, o) * x[0](i, t, b);
    return sum;
  });
}

ForwardCase with_bias(const std::string& label, Shape x, std::int64_t out) {
  return {label, {{x}, {{x.rows, out}}, {{out}}}, [](auto in) { return affine(in[0], in[1], in[2]); }, affine_by_loops};
}

ForwardCase without_bias(const std::string& label, Shape x, std::int64_t out) {
  return {label, {{x}, {{x.rows, out}}}, [](auto in) { return affine(in[0], in[1]); }, affine_by_loops};
}

long double activate(long double z, Activation activation) {
  switch (activation) {
    case Activation::relu:
      return std::max(z, 0.0L);
    case Activation::gelu:
      return z * std::erfc(-z / std::numbers::sqrt2_v<long double>) / 2;
    case Activation::gelu_tanh:
      return z / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi_v<long double>) * (z + 0.044715L * z * z * z)));
    case Activation::silu:
      return z / (1 + std::exp(-z));
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-z));
    case Activation::tanh:
      return std::tanh(z);
  }
  return std::nanl("");
}

ForwardCase activated(const std::string& label, Shape x, std::int64_t out, Activation activation) {
  return {label,
          {{x}, {{x.rows, out}}, {{out}}},
          [=](auto in) { return affine_activation(in[0], in[1], in[2], activation); },
          [=](PlainInputs in) {
            const Plain z = affine_by_loops(in);
            return Plain::of(z.shape, [&](auto o, auto t, auto b) { return activate(z(o, t, b), activation); });
          }};
}

ForwardCase through_gate(const std::string& label, Shape x, Activation activation) {
  return {label,
          {{x}},
          [=](auto in) { return gated(in[0], activation); },
          [=](PlainInputs in) {
            const Shape whole = in[0].shape;
            const std::int64_t half = whole.rows / 2;
            return Plain::of({half, whole.columns, whole.slices}, [&](auto i, auto t, auto b) {
              return activate(in[0](i, t, b), activation) * in[0](half + i, t, b);
            });
          }};
}

// Sizes of op(a) (m, k) and op(b) (k, n), and how many slices each operand has.
struct ProductSizes {
  std::int64_t m, k, n, a_slices, b_slices;
};

void add_products(std::vector<ForwardCase>& cases, const std::string& label, const ProductSizes& z) {
  for (const bool flip_a : {false, true}) {
    for (const bool flip_b : {false, true}) {
      const Shape a = flip_a ? Shape{z.k, z.m, z.a_slices} : Shape{z.m, z.k, z.a_slices};
      const Shape b = flip_b ? Shape{z.n, z.k, z.b_slices} : Shape{z.k, z.n, z.b_slices};
      cases.push_back(
          {label + (flip_a ? "_Ta" : "") + (flip_b ? "_Tb" : ""),
           {{a}, {b}},
           [=](auto x) {
             return matmul(x[0], x[1], flip_a ? Transpose::yes : Transpose::no,
                           flip_b ? Transpose::yes : Transpose::no);
           },
           [=](PlainInputs x) {
             const Shape a_shape = x[0].shape, b_shape = x[1].shape;
             const std::int64_t m = flip_a ? a_shape.columns : a_shape.rows;
             const std::int64_t k = flip_a ? a_shape.rows : a_shape.columns;
             const std::int64_t n = flip_b ? b_shape.rows : b_shape.columns;
             return Plain::of({m, n, std::max(a_shape.slices, b_shape.slices)}, [&](auto i, auto j, auto s) {
               const std::int64_t sa = a_shape.slices == 1 ? 0 : s;
               const std::int64_t sb = b_shape.slices == 1 ? 0 : s;
               long double sum = 0;
               for (std::int64_t l = 0; l < k; ++l) {
                 sum += (flip_a ? x[0](l, i, sa) : x[0](i, l, sa)) * (flip_b ? x[1](j, l, sb) : x[1](l, j, sb));
               }
               return sum;
             });
           }});
    }
  }
}

}  // namespace

std::vector<ForwardOracle> product_oracles() {
  ForwardOracle products{"matmul", {}};
  add_products(products.cases, "M3_K4_N5", {3, 4, 5, 1, 1});
  add_products(products.cases, "M1_K1_N1", {1, 1, 1, 1, 1});
  add_products(products.cases, "M4_K4_N4_S3", {4, 4, 4, 3, 3});
  add_products(products.cases, "one_a_for_all", {3, 4, 5, 1, 3});
  add_products(products.cases, "one_b_for_all", {3, 4, 5, 3, 1});
  add_products(products.cases, "M17_K33_N9_S2", {17, 33, 9, 2, 2});
  return {
      {"affine_activation",
       {activated("relu_in3_out4_T5_B2", {3, 5, 2}, 4, Activation::relu),
        activated("gelu_in17_out33_T2_B3", {17, 2, 3}, 33, Activation::gelu),
        activated("gelu_tanh_in17_out33_T2_B3", {17, 2, 3}, 33, Activation::gelu_tanh),
        activated("silu_in17_out33_T2_B3", {17, 2, 3}, 33, Activation::silu),
        activated("sigmoid_in3_out4_T5_B2", {3, 5, 2}, 4, Activation::sigmoid),
        activated("tanh_in3_out4_T5_B2", {3, 5, 2}, 4, Activation::tanh)}},
      {"gated",
       {through_gate("relu", {6, 5, 2}, Activation::relu), through_gate("gelu", {34, 2, 3}, Activation::gelu),
        through_gate("gelu_tanh", {34, 2, 3}, Activation::gelu_tanh),
        through_gate("silu", {34, 2, 3}, Activation::silu), through_gate("sigmoid", {6, 5, 2}, Activation::sigmoid),
        through_gate("tanh", {6, 5, 2}, Activation::tanh)}},
      {"affine",
       {with_bias("In3_Out4_T5_B2", {3, 5, 2}, 4), with_bias("In1_Out1", {1, 1, 1}, 1),
        with_bias("In33_Out17_T7_B3", {33, 7, 3}, 17), with_bias("square", {5, 5, 1}, 5),
        without_bias("no_bias", {3, 5, 2}, 4), without_bias("no_bias_square", {4, 4, 2}, 4)}},
      products,
  };
}

}  // namespace tapehead
