#include "autograd/ops/relu.hpp"

#include "autograd/branches.hpp"
#include "autograd/ops/detail/elementwise.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> relu(Var<T> x) {
  Tape<T>& tape = tape_of("relu", {x});
  const T* in = x.data();
  note_branches(tape, x.shape().size(), [in](std::int64_t i) { return real_part(in[i]) > 0; });
  return map_elements(
      "relu", x, [](T a) { return real_part(a) > 0 ? a : T(0); },
      [](T a, T) { return real_part(a) > 0 ? T(1) : T(0); });
}

template Var<float> relu(Var<float>);
template Var<double> relu(Var<double>);
template Var<std::complex<double>> relu(Var<std::complex<double>>);

OpSpec spec_relu() {
  return {.name = "relu",
          .cases =
              {
                  {"R3_C5", {{{3, 5}}}, [](auto x) { return relu(x[0]); }},
                  {"R17_C2_S3", {{{17, 2, 3}}}, [](auto x) { return relu(x[0]); }},
                  {"R67_C2_S6", {{{67, 2, 6}}}, [](auto x) { return relu(x[0]); }},
                  {"large", {{{3, 5}, -1e6, 1e6}}, [](auto x) { return relu(x[0]); }},
                  {"small", {{{3, 5}, -1e-6, 1e-6}}, [](auto x) { return relu(x[0]); }},
              },
          .dual_by_hand = true};
}

}  // namespace tapehead
