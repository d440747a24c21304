// The program as a whole against attention_vectors.h5: `attend --input … --output …` gives context, weights and every
// gradient of each case that its options can say.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/data/data_folder.hpp"
#include "tests/experiments/program_support.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/h5_reader.hpp"
#include "trainers/tensor_file.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

constexpr double kBound = 1e-9;

struct CommandCase {
  std::string name;
  std::string options;
  bool given_mask = false;  // by the file's table instead of terms
};

class AttendCommand : public InFolder, public testing::WithParamInterface<CommandCase> {};

Tensor tensor_of(const H5Reader& file, const std::string& path) {
  Tensor tensor{file.shape(path), {}};
  if (path.ends_with("/mask")) {
    for (const std::uint8_t byte : file.bytes(path)) tensor.values.push_back(byte);
  } else {
    tensor.values = file.doubles(path);
  }
  return tensor;
}

TEST_P(AttendCommand, GivesContextWeightsAndEveryGradient) {
  const CommandCase& at = GetParam();
  const H5Reader file(data_folder() + "/attention_vectors/attention_vectors.h5");
  Tensors input;
  for (const std::string& name : file.children(at.name + "/inputs")) {
    if (name != "mask" || at.given_mask) input[name] = tensor_of(file, at.name + "/inputs/" + name);
  }
  const bool has_weights = file.contains(at.name + "/outputs/weights");
  input["upstream/context"] = tensor_of(file, at.name + "/upstream/context");
  if (has_weights) input["upstream/weights"] = tensor_of(file, at.name + "/upstream/weights");
  write_tensors(path("in.h5"), input);
  std::vector<std::string> words{"attend",       "--input",     path("in.h5"), "--output",
                                 path("out.h5"), "--precision", "double"};
  std::istringstream options(at.options);
  for (std::string word; options >> word;) words.push_back(word);
  const Ran ran = run(words);
  ASSERT_EQ(ran.status, kDone) << ran.err;

  const Tensors output = read_tensors(path("out.h5"));
  Comparison comparison(kBound);
  const auto near = [&](const std::string& ours, const std::string& theirs) {
    const Tensor expected = tensor_of(file, at.name + "/" + theirs);
    ASSERT_TRUE(output.contains(ours)) << ours;
    EXPECT_EQ(output.at(ours).shape, expected.shape) << ours;
    comparison.near(ours, output.at(ours).values, expected.values);
  };
  near("context", "outputs/context");
  if (has_weights) near("weights", "outputs/weights");
  for (const std::string& name : file.children(at.name + "/grads")) near("grads/" + name, "grads/" + name);
}

std::vector<CommandCase> cases() {
  std::vector<CommandCase> all;
  const std::vector<std::pair<std::string, std::string>> masks{{"causal", "causal"},
                                                               {"causal_bottom_right", "causal(end)"},
                                                               {"dilated", "causal&dilated(2)"},
                                                               {"document", "causal&documents(2,2)"},
                                                               {"lengths_with_an_empty_example", "lengths(3,0)"},
                                                               {"prefix", "causal|prefix(2)"},
                                                               {"window", "window(2,2)"},
                                                               {"window_causal", "window(1)"},
                                                               {"per_example_with_an_empty_row", ""},
                                                               {"per_head", ""},
                                                               {"whole_head_masked", ""}};
  for (const auto& [name, terms] : masks) {
    all.push_back({"mask_" + name, "", true});
    if (!terms.empty()) all.push_back({"mask_" + name, "--mask " + terms});
  }
  for (const char* name :
       {"softmax", "entmax15", "learned_sink", "none", "relu", "relu2", "sigmoid", "sparsemax", "zero_sink"}) {
    all.push_back({fmt::format("normaliser_{}", name), fmt::format("--scale 1.5 --causal --normalizer {}", name)});
  }
  for (const auto& [name, options] : std::vector<std::pair<std::string, std::string>>{
           {"normaliser_top_2", "--scale 1.5 --causal --normalizer top --top-keys 2"},
           {"stick_breaking", "--normalizer stick_breaking --mask causal(-1)"},
           {"scale_inv_dk", "--scale inv_dk"},
           {"scale_none", "--scale none"},
           {"scale_number", "--scale 0.37"},
           {"score_additive", "--score additive"},
           {"score_bilinear", "--score bilinear"},
           {"score_cosine", "--score cosine --scale none"},
           {"score_distance", "--score distance"},
           {"softcap", "--scale 2 --score-cap 0.7"},
           {"alibi_causal", "--positions alibi --causal"},
           {"alibi_symmetric", "--positions alibi"},
           {"shaw_keys", "--positions shaw --clip-distance 2"},
           {"t5_buckets_bidirectional", "--positions t5 --buckets 8 --furthest 16 --scale none"},
           {"t5_buckets_causal", "--positions t5 --buckets 8 --furthest 16 --scale none --causal"},
           {"rope_halves", "--positions rotary --causal"},
           {"rope_pairs", "--positions rotary --rotary-layout pairs --causal"},
           {"rope_partial", "--positions rotary --rotary-share 0.67 --rotary-base 100 --causal"},
           {"bias_given", "--positions table --causal"},
           {"forgetting", "--positions forgetting --causal"},
           {"scale_learned", "--scale learned"},
           {"head_gate", "--head-gate learned"},
           {"talking_heads", "--head-mixing talking"},
           {"differential", "--head-mixing differential"},
           {"gqa", ""},
           {"mqa", ""}}) {
    all.push_back({name, options});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(, AttendCommand, testing::ValuesIn(cases()),
                         [](const auto& at) { return at.param.name + (at.param.given_mask ? "_as_a_table" : ""); });

}  // namespace
}  // namespace tapehead
