#include "layers/attention/rotary_positions.hpp"

#include "layers/attention/key_value_cache.hpp"

namespace tapehead {

RotaryPositions::RotaryPositions(const RotaryChoices& choices, std::int64_t key_width)
    : width_(key_width), pairs_(choices.layout == "pairs") {
  if (choices.positions == 0) return;
  table_ = std::make_shared<const RotaryTable>(turned_channels(choices, key_width), choices.positions, choices.base);
}

template <Scalar T>
Var<T> RotaryPositions::operator()(Var<T> joined, std::int64_t heads, const Pass& pass) const {
  if (table_ == nullptr) return joined;
  const bool behind = pass.cache != nullptr && pass.cache->any();
  return rotary(joined, *table_,
                {.heads = heads,
                 .width = width_,
                 .pairs = pairs_,
                 .first = behind ? pass.cache->before() : nullptr,
                 .places = pass.places});
}

template Var<float> RotaryPositions::operator()(Var<float>, std::int64_t, const Pass&) const;
template Var<double> RotaryPositions::operator()(Var<double>, std::int64_t, const Pass&) const;
template Var<std::complex<double>> RotaryPositions::operator()(Var<std::complex<double>>, std::int64_t,
                                                               const Pass&) const;

}  // namespace tapehead
