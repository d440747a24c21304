#pragma once

#include "autograd/base/tokens.hpp"
#include "autograd/tape.hpp"
#include "layers/pass.hpp"

namespace tapehead {

/// Randomised positions (Ruoss et al. 2023, "Randomized Positional Encodings Boost Length Generalization of
/// Transformers", §3.2): in training, the tokens of an example of n stand at n of the positions 0 … range − 1, drawn
/// without repetition and sorted, every choice alike. So a model has met all positions of longer sequences than it was
/// trained on. Which ones depends on the pass's seed, step, and the number and length of the example alone: a source
/// and a target of one length stand at the same.
///
/// The pass with these `places`, which live as long as the tape's values; the pass itself if it does not train, or if
/// range is 0. REQUIRES: range 0, or no length beyond it.
template <Scalar T>
Pass with_drawn_positions(Tape<T>& tape, const TokenView& tokens, std::int64_t range, const Pass& pass);

}  // namespace tapehead
