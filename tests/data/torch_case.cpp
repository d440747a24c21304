#include "tests/data/torch_case.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "autograd/base/errors.hpp"
#include "tests/data/data_folder.hpp"

namespace tapehead::testing_support {
namespace {

const ParameterRange& range_of(const ParameterLayout& layout, const std::string& name) {
  const ParameterRange* range = layout.find(name);
  if (range == nullptr) throw DataError("no parameter is called " + name);
  return *range;
}

}  // namespace

TorchCase::TorchCase(const std::string& name) : file_(data_folder() + "/torch_vectors/torch_vectors.h5"), name_(name) {
  if (!file_.contains(name)) throw DataError("torch_vectors.h5 has no case " + name);
}

std::vector<double> TorchCase::numbers(const std::string& group, const std::string& name) const {
  return file_.doubles(name_ + "/" + group + name);
}

std::vector<std::int64_t> TorchCase::sizes(const std::string& input) const {
  std::vector<std::int64_t> sizes = file_.shape(name_ + "/inputs/" + input);
  std::reverse(sizes.begin(), sizes.end());
  return sizes;
}

std::vector<std::int32_t> TorchCase::tokens(const std::string& input) const {
  const std::vector<std::int64_t> ids = file_.integers(name_ + "/inputs/" + input);
  return {ids.begin(), ids.end()};
}

std::vector<std::int32_t> TorchCase::lengths(const std::string& mask) const {
  const std::vector<std::uint8_t> ignored = file_.bytes(name_ + "/inputs/" + mask);
  const std::vector<std::int64_t> shape = file_.shape(name_ + "/inputs/" + mask);
  const auto keys = static_cast<std::ptrdiff_t>(shape.back());
  const auto stride = static_cast<std::ptrdiff_t>(ignored.size()) / shape.front();
  std::vector<std::int32_t> lengths;
  for (auto end = ignored.begin() + stride; lengths.size() < static_cast<std::size_t>(shape.front()); end += stride) {
    lengths.push_back(static_cast<std::int32_t>(std::count(end - keys, end, 0)));
  }
  return lengths;
}

Matches operator+(Matches a, const Matches& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Matches norm_matches(const std::string& torch, const std::string& ours) {
  return {{torch + "weight", {ours + "gain"}}, {torch + "bias", {ours + "bias"}}};
}

Matches attention_matches(const std::string& torch, const std::string& ours) {
  return {{torch + "in_proj_weight", {ours + "query.weight", ours + "key.weight", ours + "value.weight"}},
          {torch + "in_proj_bias", {ours + "query.bias", ours + "key.bias", ours + "value.bias"}},
          {torch + "out_proj.weight", {ours + "output.weight"}},
          {torch + "out_proj.bias", {ours + "output.bias"}}};
}

namespace {

Matches feed_forward_matches(const std::string& torch, const std::string& ours) {
  return {{torch + "linear1.weight", {ours + "inner.weight"}},
          {torch + "linear1.bias", {ours + "inner.bias"}},
          {torch + "linear2.weight", {ours + "outer.weight"}},
          {torch + "linear2.bias", {ours + "outer.bias"}}};
}

}  // namespace

Matches encoder_layer_matches(const std::string& torch, const std::string& ours) {
  return attention_matches(torch + "self_attn.", ours + "self_attention.") +
         norm_matches(torch + "norm1.", ours + "self_attention_norm.") +
         feed_forward_matches(torch, ours + "feed_forward.") +
         norm_matches(torch + "norm2.", ours + "feed_forward_norm.");
}

Matches decoder_layer_matches(const std::string& torch, const std::string& ours) {
  return attention_matches(torch + "self_attn.", ours + "self_attention.") +
         norm_matches(torch + "norm1.", ours + "self_attention_norm.") +
         attention_matches(torch + "multihead_attn.", ours + "cross_attention.") +
         norm_matches(torch + "norm2.", ours + "cross_attention_norm.") +
         feed_forward_matches(torch, ours + "feed_forward.") +
         norm_matches(torch + "norm3.", ours + "feed_forward_norm.");
}

void load_some(const TorchCase& reference, const Matches& matches, ParameterStore<double>& store) {
  for (const Match& match : matches) {
    const std::vector<double> values = reference.parameter(match.torch);
    auto next = values.begin();
    for (const std::string& name : match.ours) {
      const auto range = store.values(range_of(store.layout(), name));
      if (values.end() - next < static_cast<std::ptrdiff_t>(range.size())) throw DataError(name + ": too large");
      std::copy_n(next, range.size(), range.begin());
      next += static_cast<std::ptrdiff_t>(range.size());
    }
    if (next != values.end()) throw DataError(match.torch + ": has more numbers than its parameters");
  }
}

void load(const TorchCase& reference, const Matches& matches, ParameterStore<double>& store) {
  load_some(reference, matches, store);
  std::vector<std::string> torch_names;
  std::size_t our_names = 0;
  for (const Match& match : matches) {
    torch_names.push_back(match.torch);
    our_names += match.ours.size();
  }
  std::sort(torch_names.begin(), torch_names.end());
  EXPECT_EQ(torch_names, reference.parameters()) << "every tensor of the file must be matched";
  EXPECT_EQ(our_names, store.layout().ranges().size()) << "every parameter must be matched";
}

void compare_gradients(const TorchCase& reference, const Matches& matches, ParameterStore<double>& store,
                       Comparison& comparison) {
  for (const Match& match : matches) {
    std::vector<double> actual;
    for (const std::string& name : match.ours) {
      const auto range = store.gradients(range_of(store.layout(), name));
      actual.insert(actual.end(), range.begin(), range.end());
    }
    comparison.near("gradient of " + match.torch, actual, reference.gradient(match.torch));
  }
}

}  // namespace tapehead::testing_support
