#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "autograd/tape.hpp"
#include "layers/models/model.hpp"

namespace tapehead {

/// Greedy decoding: the likeliest token, again and again, until the end token or `max_length` tokens (or the model's
/// positions) are reached. One output a source, without start and end, whatever the other sources are. Sources and
/// outputs are ids; the whole batch is decoded together on `tape`, which is left as it was.
template <RealScalar T>
std::vector<std::vector<std::int32_t>> decode_greedily(const Model& model, Tape<T>& tape,
                                                       std::span<const std::vector<std::int32_t>> sources,
                                                       std::int64_t max_length);

}  // namespace tapehead
