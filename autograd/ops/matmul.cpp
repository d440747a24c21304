#include "autograd/ops/matmul.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

Transpose flip(Transpose op) { return op == Transpose::yes ? Transpose::no : Transpose::yes; }

// Slice `s` of a value; one slice serves all.
template <class T>
MatrixView<T> slice_of(T* data, const Shape& shape, std::int64_t s) {
  return {data + (shape.slices == 1 ? 0 : s) * shape.rows * shape.columns, shape.rows, shape.columns};
}

// The gradient of an operand, slice after slice: fill(slice, view, beta) adds one product to it.
template <Scalar T, class F>
void add_slices_up(const Sink<T>& sink, const Shape& shape, std::int64_t slices, F fill) {
  if (sink.fresh && slices == 0) std::fill_n(sink.data, shape.size(), T(0));
  for (std::int64_t s = 0; s < slices; ++s) {
    const bool fresh = sink.fresh && (s == 0 || shape.slices > 1);
    fill(s, slice_of(sink.data, shape, s), fresh ? T(0) : T(1));
  }
}

}  // namespace

template <Scalar T>
Var<T> matmul(Var<T> a, Var<T> b, Transpose op_a, Transpose op_b) {
  Tape<T>& tape = tape_of("matmul", {a, b});
  const Shape sa = a.shape();
  const Shape sb = b.shape();
  const bool flip_a = op_a == Transpose::yes;
  const bool flip_b = op_b == Transpose::yes;
  if ((flip_a ? sa.rows : sa.columns) != (flip_b ? sb.columns : sb.rows)) {
    throw ShapeError(fmt::format("matmul: inner sizes differ: a is {}{}, b is {}{}", to_string(sa),
                                 flip_a ? " transposed" : "", to_string(sb), flip_b ? " transposed" : ""));
  }
  if (sa.slices != sb.slices && sa.slices != 1 && sb.slices != 1) {
    throw ShapeError(fmt::format("matmul: slices differ: a is {}, b is {}", to_string(sa), to_string(sb)));
  }
  const Shape shape{flip_a ? sa.columns : sa.rows, flip_b ? sb.rows : sb.columns,
                    sa.slices == 1 ? sb.slices : sa.slices};
  T* y = tape.allocate(shape.size());
  for (std::int64_t s = 0; s < shape.slices; ++s) {
    gemm(T(1), slice_of(a.data(), sa, s), op_a, slice_of(b.data(), sb, s), op_b, T(0), slice_of(y, shape, s));
  }

  return tape.record("matmul", shape, y, {a, b}, [=](Pull<T>& pull) {
    const auto d_y = [&](std::int64_t s) { return slice_of(pull.d_output(), shape, s); };
    if (auto d_a = pull.into(a)) {  // Y = op(A) op(B): d_op(A) = d_Y op(B)ᵀ, and d_A its transpose if A was transposed
      add_slices_up(d_a, sa, shape.slices, [&](std::int64_t s, MatrixView<T> out, T beta) {
        const auto bs = slice_of(b.data(), sb, s);
        if (flip_a) {
          gemm(T(1), bs, op_b, d_y(s), Transpose::yes, beta, out);
        } else {
          gemm(T(1), d_y(s), Transpose::no, bs, flip(op_b), beta, out);
        }
      });
    }
    if (auto d_b = pull.into(b)) {  // d_op(B) = op(A)ᵀ d_Y
      add_slices_up(d_b, sb, shape.slices, [&](std::int64_t s, MatrixView<T> out, T beta) {
        const auto as = slice_of(a.data(), sa, s);
        if (flip_b) {
          gemm(T(1), d_y(s), Transpose::yes, as, op_a, beta, out);
        } else {
          gemm(T(1), as, flip(op_a), d_y(s), Transpose::no, beta, out);
        }
      });
    }
  });
}

template Var<float> matmul(Var<float>, Var<float>, Transpose, Transpose);
template Var<double> matmul(Var<double>, Var<double>, Transpose, Transpose);
template Var<std::complex<double>> matmul(Var<std::complex<double>>, Var<std::complex<double>>, Transpose, Transpose);

OpSpec spec_matmul() {
  const auto with = [](Transpose op_a, Transpose op_b) {
    return [=](auto x) { return matmul(x[0], x[1], op_a, op_b); };
  };
  constexpr auto no = Transpose::no;
  constexpr auto yes = Transpose::yes;
  return {.name = "matmul",
          .cases =
              {
                  {"M3_K5_N2", {{{3, 5}}, {{5, 2}}}, with(no, no)},
                  {"M3_K5_N2_S3", {{{3, 5, 3}}, {{5, 2, 3}}}, with(no, no)},
                  {"a_transposed", {{{5, 3, 2}}, {{5, 2, 2}}}, with(yes, no)},
                  {"b_transposed", {{{3, 5, 2}}, {{2, 5, 2}}}, with(no, yes)},
                  {"both_transposed", {{{5, 3, 2}}, {{2, 5, 2}}}, with(yes, yes)},
                  {"a_for_every_slice", {{{3, 5}}, {{5, 2, 3}}}, with(no, no)},
                  {"b_for_every_slice", {{{5, 3, 3}}, {{2, 5}}}, with(yes, yes)},
                  {"square", {{{4, 4}}, {{4, 4}}}, with(no, yes)},
                  {"square_a_transposed", {{{4, 4, 2}}, {{4, 4, 2}}}, with(yes, no)},
                  {"square_both_transposed", {{{4, 4}}, {{4, 4}}}, with(yes, yes)},
                  {"M17_K18_N9", {{{17, 18}}, {{18, 9}}}, with(no, no)},
                  {"M67_K3_N5", {{{67, 3}}, {{3, 5}}}, with(no, no)},
                  {"M3_K67_N5", {{{3, 67}}, {{67, 5}}}, with(no, no)},
                  {"M3_K5_N67", {{{3, 5}}, {{5, 67}}}, with(no, no)},
                  {"M67_K5_N3_both_transposed", {{{5, 67}}, {{3, 5}}}, with(yes, yes)},
                  {"M2_K131_N243", {{{2, 131}}, {{131, 243}}}, with(no, no)},
                  {"M3_K5_N2_S67", {{{3, 5, 67}}, {{5, 2, 67}}}, with(no, no)},
                  {"a_for_many_slices", {{{3, 5}}, {{5, 2, 67}}}, with(no, no)},
                  {"of_numbers", {{{1}}, {{1}}}, with(no, no)},
              },
          .refusals = {
              {"inner", {{3, 5}, {4, 2}}, with(no, no), "matmul: inner sizes differ: a is (3, 5), b is (4, 2)"},
              {"inner_transposed",
               {{3, 5}, {5, 2}},
               with(yes, no),
               "matmul: inner sizes differ: a is (3, 5) transposed, b is (5, 2)"},
              {"slices", {{3, 5, 2}, {5, 2, 3}}, with(no, no), "matmul: slices differ: a is (3, 5, 2), b is (5, 2, 3)"},
          }};
}

}  // namespace tapehead
