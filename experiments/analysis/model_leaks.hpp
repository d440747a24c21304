#pragma once

#include <memory>
#include <string>
#include <vector>

#include "autograd/check/leaks.hpp"
#include "datasets/batch.hpp"
#include "layers/models/model.hpp"

namespace tapehead {

/// What reaches what a model says about some examples, and what of it must not.
struct ModelLeaks {
  std::string name;
  ReachRule rule;                     ///< what may be known
  LeakReport derivatives;             ///< by the vectors of the tokens that it reads
  std::vector<LeakFinding> findings;  ///< of both ways; at most one of each kind, input and way
  std::int64_t exchanges[kLeaks] = {};

  bool has(Leak leak) const;
  /// No leak, and something that may reach an output does.
  bool passed() const { return findings.empty() && derivatives.influencing > 0; }
};

/// Looks for what a model knows and must not, at these parameters, without dropout, in two ways:
///
/// - *Derivatives*, exactly zero or not, of what is said at each place by the vectors of the tokens at each place: see
///   find_leaks().
/// - *Exchange*: tokens that must not matter become others, and what is said must stay the same to the bit. That sees
///   what has no derivative: a token that is looked up, a choice, a length.
///
/// At a place a model may know its own sequence: all of the source, and of the input what stands up to that place;
/// nothing of padding, of other examples, and of what is expected. Which input an embedding reads is found by
/// exchanging. Of longer sequences the first 32 places are looked at; if all examples are equally long, the second one
/// is cut to half, so that there is padding. Throws ConfigError for a model that embeds no token.
ModelLeaks find_leaks(std::string name, const std::shared_ptr<const Model>& model,
                      const ParameterStore<double>& parameters, const Batch& batch);

/// A model as training begins with it, each parameter moved a little: one that is 0 would hide what it lets through.
ParameterStore<double> parameters_for_leaks(const Model& model);

/// One sentence of a finding.
std::string sentence(const LeakFinding& finding);

}  // namespace tapehead
