#pragma once

#include <span>

#include "autograd/ops/attention.hpp"
#include "layers/attention/stage.hpp"
#include "layers/pass.hpp"

namespace tapehead {

/// One attention between its projections, stage by stage; plain values.
///
///     score of query and key → · scale → cap → mixing → bias → mask → normalizer → mixing → dropout → context → gate
///
/// Composed, each stage is an op on the tape and the weights are a variable (K, Q, H·B): everything is differentiated
/// through everything. The fused kernels do the same faster for some of these descriptions; kKernels says which.
struct AttentionStages {
  HeadSizes sizes = {};                   ///< of heads that have a context each
  const StageSpec* score = nullptr;       ///< nullptr: dot
  const StageSpec* bias = nullptr;        ///< nullptr: none
  const StageSpec* mixing = nullptr;      ///< nullptr: none; it sees scores and weights
  const StageSpec* normalizer = nullptr;  ///< nullptr: softmax
  const StageSpec* gate = nullptr;        ///< nullptr: none
  double scale = 1;                       ///< of scores; a learned one, among the operands, takes its place
  bool learned_scale = false;             ///< whether there is one
  double cap = 0;                         ///< 0: none
  StageNumbers numbers = {};
  double dropout = 0;  ///< of the weights
  AttentionKernel kernel = AttentionKernel::automatic;

  const StageSpec*& of(StageKind kind);
  /// The heads that score, of which a mixing may make fewer: what all stages up to the normalizer see.
  HeadSizes scoring() const;
};

/// What a way of computing attention can do. What it cannot is refused by name, or composed where the choice is
/// automatic.
struct KernelAbilities {
  AttentionKernel kernel;
  const char* name;
  bool caps, lines, sinks;  ///< lines: biases that go by distance
  bool other_scores;        ///< scores that are no dot products
  bool other_biases;        ///< than lines
  bool other_normalizers;   ///< than softmax, with or without a sink
  bool mixes_heads;
  bool replaces_weights;  ///< scores and weights can be seen and replaced; weights alone are seen in every kernel
};
inline constexpr KernelAbilities kKernels[] = {
    {AttentionKernel::whole, "whole", false, false, false, false, false, false, false, false},
    {AttentionKernel::tiled, "tiled", true, true, true, false, false, false, false, false},
    {AttentionKernel::composed, "composed", true, true, true, true, true, true, true, true},
};

/// "whole", "tiled", "composed" or "auto"; anything else throws ConfigError.
AttentionKernel parse_attention_kernel(const std::string& text);

/// Whether it can compute these stages.
bool takes(const KernelAbilities& kernel, const AttentionStages& stages);

/// What computes these stages: `automatic` stays so where a fused kernel can, else `composed`. Throws ConfigError
/// where the kernel that was asked for cannot, "attention: whole cannot take score additive; choose auto or composed".
AttentionKernel choose_kernel(const AttentionStages& stages);

/// What attend() takes.
template <Scalar T>
struct StageOperands {
  RowBlock<T> query, key, value;                                   ///< (H·D, Q, B), (G·D, K, B), (G·Dv, K, B)
  std::span<const Var<T>> score = {}, bias = {}, normalizer = {};  ///< parameters of these stages
  const std::int32_t* first_query = nullptr;                       ///< see StageInput
  std::span<const Var<T>> mixing = {}, gate = {};
  Var<T> of_keys = {};  ///< (H, K, B) for a bias that wants it: see KeyPart
  Var<T> scale = {};    ///< (H), learned, of heads that score
};

/// Which attention it is: its path and role for probes, and its number for dropout.
struct AttentionPlace {
  const std::string& path;
  AttentionRole role;
  std::uint32_t site = 0;
};

/// The context (H·Dv, Q, B). A probe that wants scores or weights makes it composed. Throws ConfigError for a mixing
/// under a mask that is not the same for all heads.
template <Scalar T>
Var<T> attend(const AttentionStages& stages, const StageOperands<T>& in, const Mask& mask, const Pass& pass,
              const AttentionPlace& place);

}  // namespace tapehead
