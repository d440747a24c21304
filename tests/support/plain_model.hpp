#pragma once

#include <complex>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "autograd/base/batch_view.hpp"
#include "autograd/base/tokens.hpp"
#include "autograd/parameters.hpp"
#include "layers/attention/stage.hpp"
#include "layers/models/config.hpp"
#include "layers/pass.hpp"

namespace tapehead::testing_support {

/// Layers and models once more, in plain loops written from their documentation, sharing nothing with the library but
/// names of parameters, the generator of random bits and types that hold options. Every number is a dual one: on
/// p + i·h·v the imaginary part of a result is h times its derivative along v.
using Dual = std::complex<double>;
inline constexpr double kDualStep = 1e-100;

/// (rows, columns, slices), column-major.
struct PlainBlock {
  std::int64_t rows = 0, columns = 0, slices = 0;
  std::vector<Dual> values = {};

  static PlainBlock zeros(std::int64_t r, std::int64_t c, std::int64_t s) {
    return {r, c, s, std::vector<Dual>(static_cast<std::size_t>(r * c * s))};
  }
  Dual& operator()(std::int64_t r, std::int64_t c, std::int64_t s) {
    return values[static_cast<std::size_t>(r + rows * (c + columns * s))];
  }
  const Dual& operator()(std::int64_t r, std::int64_t c, std::int64_t s) const {
    return const_cast<PlainBlock&>(*this)(r, c, s);
  }
};

/// Whether what is added to all keys changes nothing, as it does in a softmax of dot products.
inline bool keeps_shifts(const StageChoices& stages, const HeadChoices& head = {}) {
  return stages.score == "dot" && stages.cap == 0 && stages.normalizer == "softmax" && head.split == "channels";
}

/// What a layer is built with, in words.
struct PlainOptions {
  std::int64_t heads = 1, key_width = 0, value_width = 0;
  HeadChoices head = {};
  double scale = 1;
  bool learned_scale = false;
  StageChoices stages = {};
  std::string mixer = "attention";
  RotaryChoices rotary = {};  // positions: whether queries and keys of self-attentions are turned at all
  std::string norm = "pre", norm_kind = "layer", activation = "relu", feed_forward = "plain", attention_mask = {};
  std::string residual = "sequential", value_residual = "none";
  double dropout = 0, attention_dropout = 0, inner_dropout = 0;
  double epsilon = 1e-5;  // of norms
};

/// Which key a query may attend.
using PlainMask = std::function<bool(std::int64_t query, std::int64_t key, std::int64_t slice)>;

/// Every layer, on parameters that are found by name.
class PlainLayers {
 public:
  /// `values` is a flat vector of the layout.
  PlainLayers(const ParameterLayout& layout, std::vector<Dual> values, PlainOptions options, Pass pass)
      : layout_(layout), values_(std::move(values)), options_(std::move(options)), pass_(pass) {}

  /// `table`: the name of another parameter that is the weight; empty: the layer's own.
  PlainBlock linear(const std::string& path, const PlainBlock& x, const std::string& table = {}) const;
  PlainBlock norm(const std::string& path, const PlainBlock& x) const;
  PlainBlock dropped(const PlainBlock& x, std::uint32_t site) const { return dropped(x, site, options_.dropout); }
  PlainBlock dropped(const PlainBlock& x, std::uint32_t site, double rate) const;
  /// Over `memory`, which is x itself for self-attention. `first_values`, if there are any to mix with: those of the
  /// first attention that was called with it. `of_values`: what values are made of where that is not the memory.
  PlainBlock attention(const std::string& path, const PlainBlock& x, const PlainBlock& memory, const PlainMask& mask,
                       std::uint32_t site, PlainBlock* first_values = nullptr,
                       const PlainBlock* of_values = nullptr) const;
  /// What stands in the place of attention to oneself.
  PlainBlock mixer(const std::string& path, const PlainBlock& x, const PlainMask& mask) const;
  PlainBlock feed_forward(const std::string& path, const PlainBlock& x, std::uint32_t site) const;
  /// Takes its sites from `site` on: of attention weights, of the sum after it, of the inner part, of the sum after
  /// that, unless there is one sum.
  PlainBlock encoder_layer(const std::string& path, PlainBlock x, const PlainMask& mask, std::uint32_t site,
                           PlainBlock* first_values = nullptr) const;
  /// The same, with those of cross-attention and of the sum after it before those of the feed-forward part.
  PlainBlock decoder_layer(const std::string& path, PlainBlock x, const PlainBlock& memory, const PlainMask& self_mask,
                           const PlainMask& memory_mask, std::uint32_t site, PlainBlock* first_values = nullptr) const;

  /// The numbers of a parameter, column by column. Throws if it has not so many.
  const Dual* parameter(const std::string& name, std::int64_t count) const;

 private:
  // What an attention projects, heads as they are read, and a number for each key if its bias wants one.
  struct Projected {
    PlainBlock query, key, value, of_keys;
  };
  Projected projected(const std::string& path, const PlainBlock& x, const PlainBlock& memory,
                      const PlainBlock& of_values, PlainBlock* first_values) const;
  PlainBlock mixed_values(const std::string& path, PlainBlock own, PlainBlock* first) const;
  // The weights of one query in each head, before dropout: what dot product and softmax are is written here once more,
  // other stages are those of their own plain loops.
  std::vector<std::vector<Dual>> plain_weights(const std::string& path, const Projected& in, const PlainMask& mask,
                                               std::int64_t slice, std::int64_t query) const;
  std::vector<const Dual*> stage_parameters(const std::string& path, StageKind kind) const;
  // Attention of a sequence to itself, or its mixer.
  PlainBlock self_mixed(const std::string& path, const PlainBlock& x, const PlainMask& mask, std::uint32_t site,
                        PlainBlock* first_values) const;
  std::string self_mixer() const { return options_.mixer == "attention" ? "self_attention" : "mixer"; }
  // `part`: the layer's path and the name of the part, or the path and a dot.
  PlainBlock residual(const std::string& part, const PlainBlock& x, std::uint32_t site,
                      const std::function<PlainBlock(const PlainBlock&)>& f) const;

  const ParameterLayout& layout_;
  std::vector<Dual> values_;
  PlainOptions options_;
  Pass pass_;
};

/// A model's outputs and loss.
class PlainModel {
 public:
  PlainModel(const ModelConfig& config, const ParameterLayout& layout, std::vector<Dual> values, const Pass& pass);

  /// For a model that reads features, which outlive it: tokens are then none of its business.
  void read(const FeatureView& features) { features_ = features; }

  /// Logits (V, T, B).
  PlainBlock logits(const TokenView& source, const TokenView& input) const;
  /// Mean over the expected tokens that count, with label smoothing.
  Dual loss(const TokenView& source, const TokenView& input, const TokenView& expected, double smoothing) const;

 private:
  PlainBlock embedded(const std::string& path, const std::string& table, std::int64_t vocabulary, const TokenView& ids,
                      std::uint32_t site) const;
  // All layers of a stack, each of so many sites, and the norm behind them; `site` goes on to what follows.
  using PlainLayer = std::function<PlainBlock(const std::string& path, const PlainBlock& x, std::uint32_t site,
                                              PlainBlock* first_values)>;
  PlainBlock through(const std::string& stack, PlainBlock x, std::uint32_t& site, std::int64_t sites_of_layer,
                     const PlainLayer& layer) const;

  ModelConfig config_;
  FeatureView features_;
  PlainLayers layers_, undropped_;
  Pass pass_;
};

/// A flat vector of the layout whose numbers follow from the names of parameters: two models that share a name share
/// its numbers. In ±1, gains too.
std::vector<double> named_values(const ParameterLayout& layout);

/// values + i · step · directions.
std::vector<Dual> dual(const std::vector<double>& values, const std::vector<double>& directions = {});

}  // namespace tapehead::testing_support
