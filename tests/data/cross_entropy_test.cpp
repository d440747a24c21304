// The loss against PyTorch's. There an ignored class is a choice; here it is always padding, id 0. So classes are
// renamed: the logits' rows are exchanged, which changes no loss.
#include "autograd/ops/cross_entropy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "tests/data/relabelled_cross_entropy.hpp"
#include "tests/data/torch_case.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

struct Loss {
  const char* name;
  std::optional<std::int32_t> ignored;
  double label_smoothing;
  enum class Reduction { mean, sum, none } reduction;
};

class CrossEntropyAgainstTorch : public testing::TestWithParam<Loss> {};

TEST_P(CrossEntropyAgainstTorch, LossAndGradient) {
  const auto [name, ignored, label_smoothing, reduction] = GetParam();
  const TorchCase reference(name);
  const auto sizes = reference.sizes("logits");
  const std::vector<double> logits = reference.input("logits");
  const std::vector<std::int32_t> targets = reference.tokens("target");
  const std::vector<double> upstream = reference.upstream("loss");

  // Without a reduction each target is a loss of its own, with a derivative of its own.
  const std::int64_t at_once = reduction == Loss::Reduction::none ? 1 : sizes[1];
  const double denominator = reduction == Loss::Reduction::mean ? 0 : 1;
  std::vector<double> losses;
  std::vector<double> d_logits;
  for (std::int64_t first = 0; first < sizes[1]; first += at_once) {
    Tape<double> tape;
    const Shape shape{sizes[0], at_once};
    const auto x = tape.input(shape, logits.data() + first * sizes[0]);
    const std::vector<std::int32_t> expected(targets.begin() + first, targets.begin() + first + at_once);
    RelabelledCrossEntropy cross_entropy(expected, ignored);
    const auto loss = cross_entropy(x, {.label_smoothing = label_smoothing, .denominator = denominator});
    tape.backward(loss, &upstream[losses.size()]);
    losses.push_back(loss.item());
    d_logits.insert(d_logits.end(), tape.gradient(x), tape.gradient(x) + shape.size());
  }

  Comparison comparison(kReferenceBound);
  comparison.near("loss", losses, reference.output("loss"));
  comparison.near("gradient", d_logits, reference.gradient("logits"));
}

INSTANTIATE_TEST_SUITE_P(, CrossEntropyAgainstTorch,
                         testing::Values(Loss{"ce_mean_ls0.1_ign2_w0", 2, 0.1, Loss::Reduction::mean},
                                         Loss{"ce_mean_ls0.1_ignNone_w0", {}, 0.1, Loss::Reduction::mean},
                                         Loss{"ce_sum_ls0.0_ign2_w0", 2, 0, Loss::Reduction::sum},
                                         Loss{"ce_sum_ls0.0_ignNone_w0", {}, 0, Loss::Reduction::sum},
                                         Loss{"ce_none_ls0.0_ign2_w0", 2, 0, Loss::Reduction::none},
                                         Loss{"ce_none_ls0.0_ignNone_w0", {}, 0, Loss::Reduction::none}),
                         [](const auto& each) {
                           std::string name = each.param.name;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace tapehead
