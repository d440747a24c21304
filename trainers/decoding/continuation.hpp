#pragma once

#include <cstdint>
#include <vector>

#include "autograd/parameters.hpp"
#include "layers/models/model.hpp"
#include "trainers/decoding/search.hpp"

namespace tapehead {

/// Goes on with texts, each as long as request.max_length says unless it ends before: what was written, without its
/// beginning. A beginning holds one token at least, kStart where the model's data have one. Where a text outgrows the
/// model's positions, the last half of them is read anew, as if nothing had stood before. A text depends on no other.
template <RealScalar T>
Texts continue_texts(const Model& model, ParameterStore<T>& parameters, const Texts& beginnings,
                     const SearchRequest& request, const SearchSpec& search);

}  // namespace tapehead
