#include "layers/attention/drawn_positions.hpp"

#include <algorithm>

namespace tapehead {
namespace {

// `count` of [0, range), sorted: from each one drawn to the next by a single random number (Vitter 1984, method A).
void draw_sorted(const RandomStream& random, std::uint32_t example, std::int64_t count, std::int64_t range,
                 std::int32_t* places) {
  std::int64_t next = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t wanted = count - i;
    const double drawn = random.uniform(example, static_cast<std::uint32_t>(i));
    // The probability that `next` and all before it are passed over.
    double passed = static_cast<double>(range - next - wanted) / static_cast<double>(range - next);
    while (passed > drawn) {
      ++next;
      passed *= static_cast<double>(range - next - wanted) / static_cast<double>(range - next);
    }
    places[i] = static_cast<std::int32_t>(next++);
  }
}

}  // namespace

template <Scalar T>
Pass with_drawn_positions(Tape<T>& tape, const TokenView& tokens, std::int64_t range, const Pass& pass) {
  if (range == 0 || !pass.training) return pass;
  const RandomStream random(pass.seed, Purpose::positions, pass.step);
  auto* places = tape.template allocate_as<std::int32_t>(tokens.positions * tokens.examples);
  for (std::int64_t b = 0; b < tokens.examples; ++b) {
    std::int32_t* of_example = places + tokens.positions * b;
    const auto example = static_cast<std::uint32_t>(pass.first_example + b);
    draw_sorted(random, example, tokens.lengths[b], range, of_example);
    std::fill(of_example + tokens.lengths[b], of_example + tokens.positions, 0);  // padding
  }
  Pass placed = pass;
  placed.places = {places, tokens.lengths, tokens.positions, tokens.positions, tokens.examples};
  return placed;
}

template Pass with_drawn_positions(Tape<float>&, const TokenView&, std::int64_t, const Pass&);
template Pass with_drawn_positions(Tape<double>&, const TokenView&, std::int64_t, const Pass&);
template Pass with_drawn_positions(Tape<std::complex<double>>&, const TokenView&, std::int64_t, const Pass&);

}  // namespace tapehead
