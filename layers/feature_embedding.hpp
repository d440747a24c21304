#pragma once

#include <optional>
#include <string>

#include "autograd/base/batch_view.hpp"
#include "autograd/tape.hpp"
#include "layers/attention/positions.hpp"
#include "layers/dropout.hpp"
#include "layers/linear.hpp"
#include "layers/norm.hpp"

namespace tapehead {

/// Features as columns of a sequence (Dosovitskiy et al. 2021, §3.1, eq. 1): projects each, puts a learned class token
/// before them if that is wanted, adds each position's vector, normalises the sum if that is wanted, and drops out.
/// features (F, N, B) → (C, N, B), or (C, 1 + N, B). Parameters `projection.*`, `class_token` (C), `positions.weight`,
/// `norm.*`.
struct FeatureEmbedding {
  struct Options {
    std::int64_t features = 0;  ///< numbers of one position
    std::int64_t channels = 0;
    bool class_token = false;
    PositionKind positions = PositionKind::learned;
    std::int64_t max_positions = 0;  ///< of positions that are not none; the class token is one
    PositionGrid grid = {};          ///< see Positions
    double dropout = 0;
    std::optional<NormOptions> norm = {};
  };
  FeatureEmbedding(const Scope& scope, const Options& options);

  template <Scalar T>
  Var<T> operator()(Tape<T>& tape, const FeatureView& features, const Pass& pass) const;

  std::string path;
  Linear projection;
  Parameter class_token;
  Positions positions;
  std::optional<Norm> norm;
  Dropout dropout;
};

}  // namespace tapehead
