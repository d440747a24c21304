#pragma once

#include <string>
#include <vector>

#include "autograd/base/options.hpp"
#include "layers/attention/attention_stages.hpp"

// What an attention can be made of, and what of it goes together: one table, of which `tapehead list attention`, the
// refusals, the needs of options, gradient checks and tests are made.

namespace tapehead {

/// One value of one option that shapes an attention.
struct AttentionChoice {
  std::string option, value;  ///< a number stands for all but 0
  std::string description = {};
  std::string source = {};  ///< where it was published
};

/// Every choice, option by option, the first of an option being what it is unless something is said.
const std::vector<AttentionChoice>& attention_choices();

/// Two choices that exclude each other.
struct AttentionExclusion {
  AttentionChoice one, other;
  std::string why;  ///< goes on from "…, because "
};
const std::vector<AttentionExclusion>& attention_exclusions();

/// Whether all of these go together.
bool go_together(const std::vector<AttentionChoice>& choices);

/// The same as what values of an option cannot do without, for its description.
std::vector<ValueNeed> attention_needs(const std::string& option);

/// Throws ConfigError "attention: positions shaw does not go with score cosine, because …" for stages that do not go
/// together. What a kernel cannot take is choose_kernel()'s matter.
void require_combination(const AttentionStages& stages);

/// Rows of choices, one of each option, that go together, and in which every pair of choices that do occurs: far fewer
/// than all rows, and found the same way each time.
std::vector<std::vector<AttentionChoice>> attention_cover();

}  // namespace tapehead
