// Recurrent layers, and the attentions that were made for them, against PyTorch's.

#include <gtest/gtest.h>

#include <memory>

#include "autograd/ops/affine.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/last_column.hpp"
#include "autograd/ops/reshape.hpp"
#include "autograd/ops/slice.hpp"
#include "layers/attention/attention_stages.hpp"
#include "layers/recurrent/recurrent_layer.hpp"
#include "tests/data/torch_case.hpp"
#include "tests/data/weighted_outputs.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

using V = Var<double>;

struct RecurrentCase {
  std::string name, cell;
  std::size_t layers = 1, directions = 1;
};

// One layer in one direction: where it is in the file and where it declared itself.
struct Part {
  std::string suffix;
  RecurrentLayer layer;
};

bool has_own_bias(const Part& part, const CellSpec::Gate& gate) {
  const char* own = part.layer.spec->gate_of_own_bias;
  return own != nullptr && std::string(own) == gate.name;
}

class RecurrentAgainstTorch : public testing::TestWithParam<RecurrentCase> {};

// Both of PyTorch's biases of a gate are added, so ours is their sum, and each has our gradient; but the candidate of a
// GRU keeps them apart.
void load_bias(const TorchCase& reference, const Part& part, const ParameterLayout& layout,
               ParameterStore<double>& store) {
  const auto of_x = reference.parameter("bias_ih" + part.suffix);
  const auto of_h = reference.parameter("bias_hh" + part.suffix);
  const std::int64_t width = part.layer.options.width;
  std::int64_t at = 0;
  for (const CellSpec::Gate& gate : part.layer.spec->gates) {
    const bool apart = has_own_bias(part, gate);
    const std::string path = part.suffix + ".";
    double* bias = store.values().data() + layout.find(path + gate.name + ".bias")->offset;
    double* own =
        apart ? store.values().data() + layout.find(path + "recurrent." + gate.name + ".bias")->offset : nullptr;
    for (std::int64_t i = 0; i < width; ++i, ++at) {
      const auto n = static_cast<std::size_t>(at);
      bias[i] = apart ? of_x[n] : of_x[n] + of_h[n];
      if (apart) own[i] = of_h[n];
    }
  }
}

TEST_P(RecurrentAgainstTorch, OutputLastStatesAndEveryGradient) {
  const RecurrentCase& at = GetParam();
  const TorchCase reference(at.name);
  const auto x_sizes = reference.sizes("x");
  const auto h_sizes = reference.sizes("h0");  // (H, B, layers · directions)
  const std::int64_t width = h_sizes[0], slices = h_sizes[1];
  const bool has_cells = at.cell == "lstm";

  ParameterLayout layout;
  std::uint32_t sites = 0;
  std::vector<Part> parts;
  for (std::size_t l = 0; l < at.layers; ++l) {
    for (std::size_t d = 0; d < at.directions; ++d) {
      const std::string suffix = "_l" + std::to_string(l) + (d == 0 ? "" : "_reverse");
      const std::int64_t channels = l == 0 ? x_sizes[0] : width * static_cast<std::int64_t>(at.directions);
      parts.push_back(
          {suffix, RecurrentLayer(Scope(layout, sites) / suffix,
                                  {.cell = at.cell, .channels = channels, .width = width, .backwards = d == 1})});
    }
  }
  layout.seal();
  ParameterStore<double> store(layout);
  Matches weights;
  for (const Part& part : parts) {
    Match of_x{"weight_ih" + part.suffix, {}}, of_h{"weight_hh" + part.suffix, {}};
    for (const CellSpec::Gate& gate : part.layer.spec->gates) {
      of_x.ours.push_back(part.suffix + "." + gate.name + ".weight");
      of_h.ours.push_back(part.suffix + ".recurrent." + gate.name + ".weight");
    }
    weights.push_back(of_x);
    weights.push_back(of_h);
    load_bias(reference, part, layout, store);
  }
  load_some(reference, weights, store);

  Tape<double> tape(store);
  const V x = tape.input({x_sizes[0], x_sizes[1], x_sizes[2]}, reference.input("x").data());
  const Shape states_shape{width, slices, std::ssize(parts)};
  const V h0 = tape.input(states_shape, reference.input("h0").data());
  const V c0 = has_cells ? tape.input(states_shape, reference.input("c0").data()) : V{};
  // (H, B) of one part as (H, 1, B).
  const auto first_of = [&](V all, std::size_t part) {
    return reshape(slice(all, Axis::slices, static_cast<std::int64_t>(part), 1), {width, 1, slices});
  };
  V read = x;
  std::vector<V> last_h, last_c;
  for (std::size_t l = 0; l < at.layers; ++l) {
    std::vector<V> said;
    for (std::size_t d = 0; d < at.directions; ++d) {
      const std::size_t number = l * at.directions + d;
      const RecurrentLayer& layer = parts[number].layer;
      std::vector<V> first{first_of(h0, number)};
      if (has_cells) first.push_back(first_of(c0, number));
      const V states = layer(read, nullptr, concatenate<double>(first, Axis::rows));
      said.push_back(layer.hidden(states));
      const V last = d == 0 ? last_column(states, nullptr) : slice(states, Axis::columns, 0, 1);
      last_h.push_back(layer.hidden(last));
      if (has_cells) last_c.push_back(slice(last, Axis::rows, width, width));
    }
    read = concatenate<double>(said, Axis::rows);
  }
  const V h_n = concatenate<double>(last_h, Axis::columns);  // (H, parts, B)
  // The file has (H, B, parts).
  const auto by_slice = [&](const std::vector<double>& numbers) {
    std::vector<double> turned;
    for (std::int64_t b = 0; b < slices; ++b) {
      for (std::int64_t p = 0; p < std::ssize(parts); ++p) {
        const auto first = numbers.begin() + width * (b + slices * p);
        turned.insert(turned.end(), first, first + width);
      }
    }
    return turned;
  };
  V loss =
      add(weighted_sum(read, reference.upstream("output")), weighted_sum(h_n, by_slice(reference.upstream("h_n"))));
  V c_n;
  if (has_cells) {
    c_n = concatenate<double>(last_c, Axis::columns);
    loss = add(loss, weighted_sum(c_n, by_slice(reference.upstream("c_n"))));
  }
  tape.backward(loss);

  Comparison comparison(kReferenceBound);
  const auto near = [&](const std::string& what, const double* numbers, const std::vector<double>& expected) {
    comparison.near(what, {numbers, expected.size()}, expected);
  };
  near("output", read.data(), reference.output("output"));
  near("h_n", h_n.data(), by_slice(reference.output("h_n")));
  if (has_cells) near("c_n", c_n.data(), by_slice(reference.output("c_n")));
  near("gradient of x", tape.gradient(x), reference.gradient("x"));
  near("gradient of h0", tape.gradient(h0), reference.gradient("h0"));
  if (has_cells) near("gradient of c0", tape.gradient(c0), reference.gradient("c0"));
  compare_gradients(reference, weights, store, comparison);
  for (const Part& part : parts) {
    std::vector<double> of_x, of_h;
    for (const CellSpec::Gate& gate : part.layer.spec->gates) {
      const bool apart = has_own_bias(part, gate);
      const auto gradient = [&](const std::string& name) {
        return store.gradients().data() + layout.find(part.suffix + "." + name)->offset;
      };
      const double* one = gradient(std::string(gate.name) + ".bias");
      const double* other = apart ? gradient("recurrent." + std::string(gate.name) + ".bias") : one;
      of_x.insert(of_x.end(), one, one + width);
      of_h.insert(of_h.end(), other, other + width);
    }
    comparison.near("gradient of bias_ih" + part.suffix, of_x, reference.gradient("bias_ih" + part.suffix));
    comparison.near("gradient of bias_hh" + part.suffix, of_h, reference.gradient("bias_hh" + part.suffix));
  }
}

INSTANTIATE_TEST_SUITE_P(, RecurrentAgainstTorch,
                         testing::Values(RecurrentCase{"gru_l1_bi", "gru", 1, 2},
                                         RecurrentCase{"lstm_l1_bi", "lstm", 1, 2},
                                         RecurrentCase{"rnn_tanh_l1", "tanh", 1, 1},
                                         RecurrentCase{"rnn_tanh_l1_bi", "tanh", 1, 2},
                                         RecurrentCase{"rnn_tanh_l2", "tanh", 2, 1}),
                         [](const auto& each) { return each.param.name; });

// One query an example over keys that are values too, as the decoders of Bahdanau et al. and of Luong et al. attend.
struct AttentionOfOne {
  std::string name, score;
  bool padded = false;
};

class AttentionOfOneAgainstTorch : public testing::TestWithParam<AttentionOfOne> {};

TEST_P(AttentionOfOneAgainstTorch, ContextWeightsAndEveryGradient) {
  const AttentionOfOne& at = GetParam();
  const TorchCase reference(at.name);
  const auto k = reference.sizes("keys");  // (M, K, B)
  const auto q = reference.sizes("query");
  const bool additive = at.score == "additive";
  Tape<double> tape;
  const V keys = tape.input({k[0], k[1], k[2]}, reference.input("keys").data());
  const V query = tape.input({q[0], 1, q[1]}, reference.input("query").data());
  V w_key, w_query, direction, projected_key = keys, projected_query = query;
  std::vector<V> parameters;
  std::int64_t width = k[0];
  if (additive) {  // v · tanh(W_q q + W_k k): projections here, and a score whose own matrices do nothing
    const auto v = reference.parameter("v");
    width = std::ssize(v);
    w_key = tape.input({k[0], width}, reference.parameter("Wk").data());
    w_query = tape.input({q[0], width}, reference.parameter("Wq").data());
    direction = tape.input({width}, v.data());
    projected_key = affine(keys, w_key);
    projected_query = affine(query, w_query);
    std::vector<double> identity(static_cast<std::size_t>(width * width));
    for (std::int64_t i = 0; i < width; ++i) identity[static_cast<std::size_t>(i * (width + 1))] = 1;
    const V same = tape.constant({width, width}, identity.data());
    parameters = {same, same, direction};
  }
  const AttentionStages stages{.sizes = {1, width, k[0]},
                               .score = &find_stage(StageKind::score, at.score),
                               .normalizer = &find_stage(StageKind::normalizer, "softmax"),
                               .kernel = AttentionKernel::composed};
  std::vector<std::int32_t> lengths;
  Mask mask;
  if (at.padded) {
    lengths = reference.lengths("mask_true_means_ignore");
    mask = Mask::padding({.lengths = lengths.data()});
  }
  V weights;
  const ProbeAt probe({What::weights}, [&](const Site&, V seen) { weights = seen; });
  const std::string path = "attention";
  using Block = RowBlock<double>;
  const V context = attend<double>(stages,
                                   {.query = Block::all(projected_query),
                                    .key = Block::all(projected_key),
                                    .value = Block::all(keys),
                                    .score = parameters},
                                   mask, {.probe = &probe}, {path, AttentionRole::cross, 0});
  tape.backward(
      add(weighted_sum(context, reference.upstream("context")), weighted_sum(weights, reference.upstream("weights"))));

  Comparison comparison(kReferenceBound);
  const auto near = [&](const std::string& what, const double* numbers, const std::vector<double>& expected) {
    comparison.near(what, {numbers, expected.size()}, expected);
  };
  near("context", context.data(), reference.output("context"));
  near("weights", weights.data(), reference.output("weights"));
  near("gradient of keys", tape.gradient(keys), reference.gradient("keys"));
  near("gradient of query", tape.gradient(query), reference.gradient("query"));
  if (!additive) return;
  near("gradient of Wk", tape.gradient(w_key), reference.gradient("Wk"));
  near("gradient of Wq", tape.gradient(w_query), reference.gradient("Wq"));
  near("gradient of v", tape.gradient(direction), reference.gradient("v"));
}

INSTANTIATE_TEST_SUITE_P(, AttentionOfOneAgainstTorch,
                         testing::Values(AttentionOfOne{"bahdanau", "additive"},
                                         AttentionOfOne{"bahdanau_padding", "additive", true},
                                         AttentionOfOne{"luong_dot", "dot"}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace tapehead
