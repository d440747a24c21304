#include "autograd/ops/concatenate.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> concatenate(std::span<const Var<T>> parts, Axis axis) {
  if (parts.empty()) throw ShapeError("concatenate: there are no parts");
  Tape<T>& tape = tape_of("concatenate", parts, {});
  Shape shape = parts[0].shape();
  std::int64_t& total = size_along(shape, axis);
  total = 0;
  for (const Var<T>& part : parts) {
    Shape here = part.shape();
    Shape first = parts[0].shape();
    total += size_along(here, axis);
    size_along(here, axis) = size_along(first, axis) = 0;
    if (here != first) {
      throw ShapeError(fmt::format("concatenate: a part of {} does not fit beside {} along {}", to_string(part.shape()),
                                   to_string(parts[0].shape()), name_of(axis)));
    }
  }
  const auto [length, runs] = runs_along(shape, axis);
  const std::int64_t stride = length * total;
  T* y = tape.allocate(shape.size());
  const auto count = std::ssize(parts);
  auto* kept = tape.template allocate_as<Var<T>>(count);
  std::int64_t offset = 0;
  for (std::int64_t p = 0; p < count; ++p) {
    const Var<T>& part = kept[p] = parts[static_cast<std::size_t>(p)];
    const std::int64_t run = part.shape().size() / std::max<std::int64_t>(runs, 1);
    for (std::int64_t r = 0; r < runs; ++r) std::copy_n(part.data() + r * run, run, y + r * stride + offset);
    offset += run;
  }

  return tape.record("concatenate", shape, y, parts, [=, number_of_runs = runs](Pull<T>& pull) {
    std::int64_t at = 0;
    for (std::int64_t p = 0; p < count; ++p) {
      const std::int64_t run = kept[p].shape().size() / std::max<std::int64_t>(number_of_runs, 1);
      if (auto d_part = pull.into(kept[p])) {
        for (std::int64_t r = 0; r < number_of_runs; ++r) {  // y = (… , part, …)
          const T* d_y = pull.d_output() + r * stride + at;
          Sink<T>{d_part.data + r * run, d_part.fresh}.accumulate(run, [=](std::int64_t i) { return d_y[i]; });
        }
      }
      at += run;
    }
  });
}

template Var<float> concatenate(std::span<const Var<float>>, Axis);
template Var<double> concatenate(std::span<const Var<double>>, Axis);
template Var<std::complex<double>> concatenate(std::span<const Var<std::complex<double>>>, Axis);

OpSpec spec_concatenate() {
  const auto along = [](Axis axis) { return [axis](auto x) { return concatenate(x, axis); }; };
  return {.name = "concatenate",
          .cases =
              {
                  {"rows", {{{2, 3, 2}}, {{4, 3, 2}}, {{1, 3, 2}}}, along(Axis::rows)},
                  {"columns", {{{3, 2, 2}}, {{3, 5, 2}}}, along(Axis::columns)},
                  {"slices", {{{3, 2, 2}}, {{3, 2}}}, along(Axis::slices)},
                  {"one_part", {{{3, 2, 2}}}, along(Axis::rows)},
                  {"equal_parts", {{{3, 2}}, {{3, 2}}}, along(Axis::columns)},
                  {"long_rows", {{{67, 2}}, {{70, 2}}}, along(Axis::rows)},
                  {"long_columns", {{{2, 67, 2}}, {{2, 70, 2}}}, along(Axis::columns)},
                  {"long_slices", {{{2, 2, 67}}, {{2, 2, 6}}}, along(Axis::slices)},
                  {"nine_parts", std::vector<InputSpec>(9, InputSpec{.shape = {2, 3}}), along(Axis::rows)},
              },
          .refusals = {
              {"other_size",
               {{3, 2}, {4, 5}},
               along(Axis::columns),
               "concatenate: a part of (4, 5) does not fit beside (3, 2) along columns"},
              {"nothing", {{3, 2}}, [](auto x) { return concatenate(x.first(0), Axis::rows); }, "there are no parts"},
          }};
}

}  // namespace tapehead
