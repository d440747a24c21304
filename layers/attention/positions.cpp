#include "layers/attention/positions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/add.hpp"
#include "autograd/ops/add_broadcast.hpp"
#include "autograd/ops/embedding.hpp"
#include "autograd/ops/slice.hpp"
#include "layers/attention/key_value_cache.hpp"
#include "layers/spec.hpp"

namespace tapehead {

PositionKind positions_of_embedding(const std::string& text) {
  if (text == "sinusoidal") return PositionKind::sinusoidal;
  return text == "learned" ? PositionKind::learned : PositionKind::none;
}

namespace {

// Channel c of so many of a position.
double sinusoid(std::int64_t position, std::int64_t c, std::int64_t channels) {
  const double exponent = static_cast<double>(c / 2 * 2) / static_cast<double>(channels);
  const double angle = static_cast<double>(position) / std::pow(10000.0, exponent);
  return c % 2 == 0 ? std::sin(angle) : std::cos(angle);
}

double grid_sinusoid(std::int64_t position, std::int64_t c, std::int64_t channels, const PositionGrid& grid) {
  if (position < grid.before) return 0;
  const std::int64_t place = position - grid.before;
  const std::int64_t half = channels / 2;
  return c < half ? sinusoid(place / grid.columns, c, half) : sinusoid(place % grid.columns, c - half, half);
}

}  // namespace

const std::vector<double>& SinusoidTable::values() const {
  std::call_once(made_, [this] {
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(channels_ * positions_));
    for (std::int64_t t = 0; t < positions_; ++t) {
      for (std::int64_t c = 0; c < channels_; ++c) {
        values.push_back(grid_.rows > 0 ? grid_sinusoid(t, c, channels_, grid_) : sinusoid(t, c, channels_));
      }
    }
    values_ = std::move(values);
  });
  return values_;
}

Positions::Positions(const Scope& scope, PositionKind position_kind, std::int64_t channels, std::int64_t positions,
                     const PositionGrid& grid)
    : kind(position_kind), max_positions(positions) {
  if (kind == PositionKind::none && positions != 0) {
    throw ConfigError(fmt::format(
        "positions: none takes sequences of any length, so max_positions {} does nothing; leave it out", positions));
  }
  if (kind == PositionKind::learned) weight = scope.declare({scope.table("weight", channels, positions, false)});
  if (kind == PositionKind::sinusoidal) table = std::make_shared<const SinusoidTable>(channels, positions, grid);
}

// Each column at positions of its own.
template <Scalar T>
Var<T> Positions::behind(Var<T> x, const ReadPositions& read) const {
  const auto [channels, positions, slices] = x.shape();
  Tape<T>& tape = x.tape();
  T* values = tape.allocate(x.shape().size());
  const T* learned = kind == PositionKind::learned ? tape.leaf(weight).data() : nullptr;
  for (std::int64_t b = 0; b < slices; ++b) {
    for (std::int64_t t = 0; t < positions; ++t) {
      // A column that rests has no more positions; what comes out there is not used.
      const std::int64_t from = channels * std::min(read.before()[b] + t, max_positions - 1);
      T* to = values + channels * (t + positions * b);
      for (std::int64_t c = 0; c < channels; ++c) {
        to[c] = learned != nullptr ? learned[from + c]
                                   : static_cast<T>(table->values()[static_cast<std::size_t>(from + c)]);
      }
    }
  }
  return add(x, tape.record("positions", x.shape(), values, {}, [](Pull<T>&) {}));
}

template <Scalar T>
Var<T> Positions::at_places(Var<T> x, const TokenView& places) const {
  Tape<T>& tape = x.tape();
  if (kind == PositionKind::learned) return add(x, embedding(tape.leaf(weight), places));
  const auto [channels, positions, slices] = x.shape();
  T* values = tape.allocate(x.shape().size());
  for (std::int64_t b = 0; b < slices; ++b) {
    for (std::int64_t t = 0; t < positions; ++t) {
      const double* from = table->values().data() + channels * places(t, b);
      T* to = values + channels * (t + positions * b);
      for (std::int64_t c = 0; c < channels; ++c) to[c] = static_cast<T>(from[c]);
    }
  }
  return add(x, tape.record("positions", x.shape(), values, {}, [](Pull<T>&) {}));
}

template <Scalar T>
Var<T> Positions::operator()(Var<T> x, const Pass& pass) const {
  if (kind == PositionKind::none) return x;
  auto [channels, positions, slices] = x.shape();
  const bool is_behind = pass.cache != nullptr && pass.cache->any();
  if (is_behind && slices > 0) positions = *std::max_element(pass.cache->with(), pass.cache->with() + slices);
  if (positions > max_positions) {
    throw DataError(
        fmt::format("positions: a sequence of {} exceeds the model's {}; shorten it, or train with a larger "
                    "max-positions",
                    positions, max_positions));
  }
  if (positions == 0) return x;
  if (is_behind) return behind(x, *pass.cache);
  if (pass.places.ids != nullptr) return at_places(x, pass.places);
  Tape<T>& tape = x.tape();
  if (kind == PositionKind::learned) {
    return add_broadcast(x, slice(tape.leaf(weight), Axis::columns, 0, positions));
  }
  const std::vector<double>& sinusoids = table->values();
  T* values = tape.allocate(channels * positions);
  for (std::int64_t i = 0; i < channels * positions; ++i)
    values[i] = static_cast<T>(sinusoids[static_cast<std::size_t>(i)]);
  return add_broadcast(x, tape.record("positions", {channels, positions}, values, {}, [](Pull<T>&) {}));
}

template Var<float> Positions::operator()(Var<float>, const Pass&) const;
template Var<double> Positions::operator()(Var<double>, const Pass&) const;
template Var<std::complex<double>> Positions::operator()(Var<std::complex<double>>, const Pass&) const;

LayerSpec layer_spec_positions() {
  const auto with = [](const std::string& label, PositionKind kind) {
    return layer_case(
        "positions/" + label, {sample_activations()},
        [kind](const Scope& scope) { return Positions(scope, kind, 6, 5); },
        [](const Positions& layer, auto&, auto x) { return layer(x[0]); });
  };
  // Two examples of four positions, at places that repeat between them.
  static constexpr std::int32_t kPlaces[] = {0, 2, 3, 4, 1, 2, 4, 0};
  const auto placed = [](const std::string& label, PositionKind kind) {
    return layer_case(
        "positions/placed_" + label, {sample_activations()},
        [kind](const Scope& scope) { return Positions(scope, kind, 6, 5); },
        [](const Positions& layer, auto&, auto x) {
          return layer(x[0], {.places = TokenView{kPlaces, nullptr, 4, 4, 2}});
        });
  };
  return {"positions",
          {with("sinusoidal", PositionKind::sinusoidal), with("learned", PositionKind::learned),
           placed("sinusoidal", PositionKind::sinusoidal), placed("learned", PositionKind::learned)}};
}

}  // namespace tapehead
