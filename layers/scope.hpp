#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/parameters.hpp"

namespace tapehead {

/// How the weights of a model are drawn. Biases start at zero, gains at one.
enum class WeightLaw {
  xavier,   ///< matrices Xavier uniform (Glorot & Bengio 2010); embeddings normal of deviation C^(−1/2)
  kaiming,  ///< matrices Kaiming normal (He et al. 2015); embeddings as xavier
  normal,   ///< everything normal of one deviation (Radford et al. 2019)
  xavier_normal,
  kaiming_uniform,
};
struct WeightDraw {
  WeightLaw law = WeightLaw::xavier;
  double deviation = 0.02;  ///< of WeightLaw::normal
  double gain = 1;          ///< what the other laws draw for a matrix is multiplied by
};

/// Where a layer declares itself: the dotted path that begins its parameters' names, the law for its weights, and
/// numbers that tell the dropouts of a model apart. `scope / "self_attention"` is the scope of a part.
class Scope {
 public:
  /// The layout and the count of sites must outlive the scope and its parts, not the layers.
  Scope(ParameterLayout& layout, std::uint32_t& sites, WeightLaw law = WeightLaw::xavier)
      : Scope(layout, sites, WeightDraw{.law = law}) {}
  Scope(ParameterLayout& layout, std::uint32_t& sites, const WeightDraw& draw)
      : layout_(&layout), sites_(&sites), draw_(draw) {}

  Scope operator/(std::string_view part) const;
  /// The scope of a part whose parameters are those of `other`, an earlier part that is built alike; path and sites are
  /// its own.
  Scope sharing(std::string_view part, std::string_view other) const;

  const std::string& path() const { return path_; }
  WeightLaw law() const { return draw_.law; }

  /// A weight (in, out) `path.name`, that decays. What is drawn for it is multiplied by `factor`.
  ParameterRange weight(std::string_view name, std::int64_t in, std::int64_t out, double factor = 1) const;
  /// A weight (in, out) of each head: (in, out, heads).
  ParameterRange head_weights(std::string_view name, std::int64_t in, std::int64_t out, std::int64_t heads) const;
  /// A vector (rows), that does not.
  ParameterRange vector(std::string_view name, std::int64_t rows, double value) const;
  /// A table (rows, entries) that starts at zero and does not decay.
  ParameterRange zeros(std::string_view name, std::int64_t rows, std::int64_t entries) const;
  /// A matrix (size, size) that starts as the identity and does not decay.
  ParameterRange identity(std::string_view name, std::int64_t size) const;
  /// A table (C, entries) of embeddings.
  ParameterRange table(std::string_view name, std::int64_t channels, std::int64_t entries, bool decay) const;

  /// A block of these ranges: a new one, but for a part that shares what another one has declared.
  Parameter declare(std::vector<ParameterRange> ranges,
                    ParameterLayout::Join join = ParameterLayout::Join::columns) const;

  /// `own`, declared as its only range, unless there is a parameter to share. Throws GradientError for a shared one of
  /// another layout, ShapeError for one of another shape.
  Parameter declare_or_share(ParameterRange own, const Parameter& shared) const;

  /// A number that no other dropout of the model has.
  std::uint32_t new_site() const { return (*sites_)++; }

 private:
  std::string name_of(std::string_view part) const;

  ParameterLayout* layout_;
  std::uint32_t* sites_;
  WeightDraw draw_;
  std::string path_;
  std::string stored_;  // what names of parameters begin with: path_ itself, unless the parameters are another part's
  bool shares_ = false;
};

}  // namespace tapehead
