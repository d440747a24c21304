#include "autograd/ops/rotary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/masked_cases.hpp"

namespace tapehead {
namespace {

// REQUIRES: places are not negative.
std::int64_t place_of(const RotaryOptions& o, std::int64_t t, std::int64_t b) {
  return o.offset + (o.first != nullptr ? o.first[b] : 0) + (o.places.ids != nullptr ? o.places(t, b) : t);
}

void check(const Shape& shape, const RotaryTable& table, const RotaryOptions& o) {
  if (o.heads < 0 || o.width < table.channels() || o.heads * o.width > shape.rows) {
    throw ShapeError(fmt::format("rotary: {} heads of {} rows, {} of them turned, do not fit into x {}", o.heads,
                                 o.width, table.channels(), to_string(shape)));
  }
  std::int64_t last = o.places.ids == nullptr ? shape.columns : 0;
  if (o.places.ids == nullptr) {
    for (std::int64_t b = 0; o.first != nullptr && b < shape.slices; ++b) {
      last = std::max<std::int64_t>(last, o.first[b] + shape.columns);
    }
  } else if (o.places.positions != shape.columns || o.places.examples != shape.slices) {
    throw ShapeError(fmt::format("rotary: there are places for {} positions of {} examples, and x is {}",
                                 o.places.positions, o.places.examples, to_string(shape)));
  } else {
    for (std::int64_t b = 0; b < shape.slices; ++b) {
      for (std::int64_t t = 0; t < shape.columns; ++t) last = std::max(last, place_of(o, t, b) - o.offset + 1);
    }
  }
  if (o.offset < 0 || last + o.offset > table.positions()) {
    throw DataError(
        fmt::format("rotary: position {} is beyond the {} that there are; shorten the sequence, or make a longer table "
                    "(max-positions of a "
                    "model)",
                    last + o.offset - 1, table.positions()));
  }
}

// to (+)= from, each pair of channels of each head turned by its angle, backwards if `back`.
template <Scalar T>
void turn(const Shape& shape, const RotaryTable& table, const RotaryOptions& o, bool back, bool adds, const T* from,
          T* to) {
  const std::int64_t half = table.channels() / 2;
  const std::int64_t apart = o.pairs ? 1 : half;
  const auto put = [adds](T& place, const T& value) { place = adds ? place + value : value; };
  for (std::int64_t b = 0; b < shape.slices; ++b) {
    for (std::int64_t t = 0; t < shape.columns; ++t) {
      const double* turns = table.at(place_of(o, t, b));
      const std::int64_t column = shape.offset({0, t, b});
      for (std::int64_t h = 0; h < o.heads; ++h) {
        const T* x = from + column + h * o.width;
        T* y = to + column + h * o.width;
        for (std::int64_t i = 0; i < half; ++i) {
          const auto cosine = static_cast<Real<T>>(turns[2 * i]);
          const auto sine = static_cast<Real<T>>(back ? -turns[2 * i + 1] : turns[2 * i + 1]);
          const std::int64_t one = o.pairs ? 2 * i : i;
          const T a = x[one];
          const T c = x[one + apart];
          put(y[one], a * cosine - c * sine);
          put(y[one + apart], c * cosine + a * sine);
        }
        for (std::int64_t i = table.channels(); i < o.width; ++i) put(y[i], x[i]);
      }
      for (std::int64_t i = o.heads * o.width; i < shape.rows; ++i) put(to[column + i], from[column + i]);
    }
  }
}

}  // namespace

RotaryTable::RotaryTable(std::int64_t channels, std::vector<double> turns)
    : channels_(channels), positions_(channels > 0 ? std::ssize(turns) / channels : 0), turns_(std::move(turns)) {
  if (channels < 2 || channels % 2 != 0 || positions_ < 1 || std::ssize(turns_) != channels * positions_) {
    throw ConfigError(fmt::format("rotary: {} turns are no whole positions of {} channels, which go in pairs",
                                  turns_.size(), channels));
  }
}

RotaryTable::RotaryTable(std::int64_t channels, std::int64_t positions, double base)
    : channels_(channels), positions_(positions) {
  if (channels < 2 || channels % 2 != 0 || positions < 1) {
    throw ConfigError(
        fmt::format("rotary: {} channels and {} positions; channels go in pairs, at least one, and there "
                    "is at least one position",
                    channels, positions));
  }
  if (!(base > 1)) throw ConfigError(fmt::format("rotary: the base must be greater than 1, not {}", base));
  turns_.resize(static_cast<std::size_t>(channels * positions));
  for (std::int64_t t = 0; t < positions; ++t) {
    for (std::int64_t i = 0; i < channels / 2; ++i) {
      const double angle =
          static_cast<double>(t) * std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(channels));
      double* turn = turns_.data() + t * channels + 2 * i;
      turn[0] = std::cos(angle);
      turn[1] = std::sin(angle);
    }
  }
}

template <Scalar T>
Var<T> rotary(Var<T> x, const RotaryTable& table, const RotaryOptions& options) {
  Tape<T>& tape = tape_of("rotary", {x});
  const Shape shape = x.shape();
  check(shape, table, options);
  T* y = tape.allocate(shape.size());
  turn(shape, table, options, false, false, x.data(), y);

  return tape.record("rotary", shape, y, {x}, [=, &table](Pull<T>& pull) {
    const auto d_x = pull.into(x);  // y = R x, and the transpose of a rotation turns back
    turn<T>(shape, table, options, true, !d_x.fresh, pull.d_output(), d_x.data);
  });
}

template Var<float> rotary(Var<float>, const RotaryTable&, const RotaryOptions&);
template Var<double> rotary(Var<double>, const RotaryTable&, const RotaryOptions&);
template Var<std::complex<double>> rotary(Var<std::complex<double>>, const RotaryTable&, const RotaryOptions&);

OpSpec spec_rotary() {
  static const RotaryTable whole(4, 80), part(2, 80, 100), one(2, 6);
  static constexpr std::int32_t kPlaces[] = {0, 7, 79, 3, 4, 60};
  const std::int32_t* const first = ragged_lengths();
  const auto with = [](const RotaryTable& table, const RotaryOptions& options) {
    return [&table, options](auto x) { return rotary(x[0], table, options); };
  };
  return {.name = "rotary",
          .cases =
              {
                  {"halves_H2_T5_B2", {{{8, 5, 2}}}, with(whole, {.heads = 2, .width = 4})},
                  {"pairs_H2_T5_B2", {{{8, 5, 2}}}, with(whole, {.heads = 2, .width = 4, .pairs = true})},
                  {"partial_with_rows_left_over", {{{9, 4, 3}}}, with(part, {.heads = 2, .width = 3, .offset = 4})},
                  {"each_from_its_own_position", {{{4, 3, 6}}}, with(whole, {.width = 4, .first = first})},
                  {"at_places", {{{4, 3, 2}}}, with(whole, {.width = 4, .places = {kPlaces, nullptr, 3, 3, 2}})},
                  {"D2_T1", {{{2}}}, with(one, {.width = 2})},
                  {"T67_B6", {{{4, 67, 6}}}, with(whole, {.width = 4})},
                  {"H16", {{{67, 2}}}, with(whole, {.heads = 16, .width = 4})},
              },
          .refusals = {
              {"heads",
               {{7, 2}},
               with(whole, {.heads = 2, .width = 4}),
               "rotary: 2 heads of 4 rows, 4 of them turned, do not fit into x (7, 2)"},
              {"width", {{6, 2}}, with(whole, {.heads = 2, .width = 3}), "2 heads of 3 rows, 4 of them turned"},
              {"places",
               {{4, 2, 2}},
               with(whole, {.width = 4, .places = {kPlaces, nullptr, 3, 3, 2}}),
               "rotary: there are places for 3 positions of 2 examples, and x is (4, 2, 2)"},
              {"place",
               {{2, 3, 2}},
               with(one, {.width = 2, .places = {kPlaces, nullptr, 3, 3, 2}}),
               "rotary: position 79 is beyond the 6 that there are"},
              {"positions", {{2, 7}}, with(one, {.width = 2}), "rotary: position 6 is beyond the 6 that there are"},
          }};
}

}  // namespace tapehead
