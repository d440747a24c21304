#include "autograd/ops/sink_softmax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/heads.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/masked_columns.hpp"
#include "autograd/ops/detail/point_sum.hpp"

namespace tapehead {

template <Scalar T>
Var<T> sink_softmax(Var<T> x, Var<T> sink, const Mask& mask, std::int64_t heads) {
  Tape<T>& tape = tape_of("sink_softmax", {x}, {sink});
  const Shape shape = x.shape();
  require_heads_divide("sink_softmax", heads, shape.slices, "slices", shape);
  if (sink && sink.shape() != Shape{heads}) {
    throw ShapeError(fmt::format("sink_softmax: sink is {}, {} heads need {}", to_string(sink.shape()), heads,
                                 to_string(Shape{heads})));
  }
  const std::int64_t keys = shape.rows;
  const T* in = x.data();
  T* y = tape.allocate(shape.size());
  T* left = tape.allocate(shape.points());  // what the sink takes
  auto* attended = tape.template allocate_as<std::int32_t>(keys);
  std::fill_n(y, shape.size(), T(0));
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const std::int64_t slice = n / shape.columns;
    const T own = sink ? sink.data()[slice % heads] : T(0);
    const std::int64_t count = list_attended(mask, {slice / heads, slice % heads, keys}, n % shape.columns, attended);
    Real<T> largest = real_part(own);
    for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, real_part(in[n * keys + attended[i]]));
    const T of_sink = std::exp(own - largest);
    T total = of_sink;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t at = n * keys + attended[i];
      total += y[at] = std::exp(in[at] - largest);
    }
    for (std::int64_t i = 0; i < count; ++i) y[n * keys + attended[i]] /= total;
    left[n] = of_sink / total;
  }

  return tape.record("sink_softmax", shape, y, {x, sink}, [=](Pull<T>& pull) {
    auto d_sink = pull.into(sink);
    if (d_sink) d_sink.zero_if_fresh(heads);
    const auto d_x = pull.into(x);
    PointSum<T> sinks(pull, d_sink.data, heads, shape.points());
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      const T* weights = y + n * keys;  // zero where nothing may be attended, and so is the gradient
      const T* d = pull.d_output() + n * keys;
      T inner(0);  // over the keys alone: what the sink gets is given to nobody
      for (std::int64_t k = 0; k < keys; ++k) inner += weights[k] == T(0) ? T(0) : weights[k] * d[k];
      if (sinks) sinks.at(n)[n / shape.columns % heads] -= left[n] * inner;
      if (!d_x) continue;
      Sink<T>{d_x.data + n * keys, d_x.fresh}.accumulate(
          keys, [=](std::int64_t k) { return weights[k] == T(0) ? T(0) : weights[k] * (d[k] - inner); });
    }
    sinks.finish();
  });
}

template Var<float> sink_softmax(Var<float>, Var<float>, const Mask&, std::int64_t);
template Var<double> sink_softmax(Var<double>, Var<double>, const Mask&, std::int64_t);
template Var<std::complex<double>> sink_softmax(Var<std::complex<double>>, Var<std::complex<double>>, const Mask&,
                                                std::int64_t);

OpSpec spec_sink_softmax() {
  std::vector<OpCase> cases;
  for (const MaskedSample& sample : masked_samples()) {
    const MaskedCall call = sample.call;
    cases.push_back({sample.label, {{sample.shape}, {{call.heads}}}, [=](auto x) {
                       return sink_softmax(x[0], x[1], call.mask, call.heads);
                     }});
    cases.push_back({std::string(sample.label) + "_zero", {{sample.shape}}, [=](auto x) {
                       return sink_softmax(x[0], {}, call.mask, call.heads);
                     }});
  }
  std::vector<OpRefusal> refusals = masked_refusals("sink_softmax", [](const MaskedCall& call) {
    return [=](auto x) { return sink_softmax(x[0], {}, call.mask, call.heads); };
  });
  refusals.push_back({"sink",
                      {{4, 2, 2}, {3}},
                      [](auto x) { return sink_softmax(x[0], x[1], {}, 2); },
                      "sink_softmax: sink is (3, 1), 2 heads need (2, 1)"});
  return {.name = "sink_softmax", .cases = std::move(cases), .refusals = std::move(refusals)};
}

}  // namespace tapehead
