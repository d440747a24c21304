#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/parameters.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/h5_reader.hpp"

namespace tapehead::testing_support {

/// The bound that every number in double is held to.
inline constexpr double kReferenceBound = 1e-9;

/// One case of torch_vectors.h5 in the shared data folder (environment variable TAPEHEAD_DATA, or where the build knows
/// it to be). Row-major (B, T, C) in the file is our column-major (C, T, B), and a weight (out, in) is our (in, out),
/// byte for byte. The gradients are those of Σ upstream · output over all the outputs of the case.
class TorchCase {
 public:
  explicit TorchCase(const std::string& name);

  std::vector<double> input(const std::string& name) const { return numbers("inputs/", name); }
  std::vector<double> parameter(const std::string& name) const { return numbers("params/", name); }
  std::vector<double> output(const std::string& name) const { return numbers("outputs/", name); }
  std::vector<double> upstream(const std::string& name) const { return numbers("upstream/", name); }
  std::vector<double> gradient(const std::string& name) const { return numbers("grads/", name); }

  /// Sizes of an input, the fastest first: (C, T, B).
  std::vector<std::int64_t> sizes(const std::string& input) const;
  std::vector<std::int32_t> tokens(const std::string& input) const;
  /// Keys in use of each example, from a mask (B, …, keys) that is 1 where a key is ignored: the last row counts.
  std::vector<std::int32_t> lengths(const std::string& mask) const;
  std::vector<std::string> parameters() const { return file_.children(name_ + "/params"); }
  bool has_input(const std::string& name) const { return file_.contains(name_ + "/inputs/" + name); }

 private:
  std::vector<double> numbers(const std::string& group, const std::string& name) const;

  H5Reader file_;
  std::string name_;
};

/// One tensor of the file, and the parameters of ours that lie one after another in it.
struct Match {
  std::string torch;
  std::vector<std::string> ours;
};
using Matches = std::vector<Match>;

Matches operator+(Matches a, const Matches& b);

/// Names of a part of a model, here and there; a prefix ends in a dot or is empty.
Matches norm_matches(const std::string& torch, const std::string& ours);
Matches attention_matches(const std::string& torch, const std::string& ours);
Matches encoder_layer_matches(const std::string& torch, const std::string& ours);
Matches decoder_layer_matches(const std::string& torch, const std::string& ours);

/// Fills a store. Every tensor of the file and every parameter of the layout must have its match.
void load(const TorchCase& reference, const Matches& matches, ParameterStore<double>& store);
/// The same, for what is not matched otherwise: fills what is named.
void load_some(const TorchCase& reference, const Matches& matches, ParameterStore<double>& store);

/// Holds the gradients of a store to the file's.
void compare_gradients(const TorchCase& reference, const Matches& matches, ParameterStore<double>& store,
                       Comparison& comparison);

}  // namespace tapehead::testing_support
