#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/scalar.hpp"
#include "autograd/shape.hpp"

namespace tapehead {

/// The law by which a parameter is drawn before training.
struct Initialisation {
  enum class Law { constant, uniform, normal, identity };
  Law law = Law::constant;
  double scale = 0;  ///< the constant; the half width of the interval; the standard deviation; the diagonal

  static Initialisation constant(double value) { return {Law::constant, value}; }
  /// Uniform in ±sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 16).
  static Initialisation xavier_uniform(std::int64_t fan_in, std::int64_t fan_out);
  /// Normal of the same variance: deviation sqrt(2 / (fan_in + fan_out)).
  static Initialisation xavier_normal(std::int64_t fan_in, std::int64_t fan_out);
  /// Normal of deviation sqrt(2 / fan_in): what ReLU halves is made up for (He et al. 2015, eq. 10).
  static Initialisation kaiming_normal(std::int64_t fan_in);
  /// Uniform of the same variance: in ±sqrt(6 / fan_in).
  static Initialisation kaiming_uniform(std::int64_t fan_in);
  static Initialisation normal(double standard_deviation) { return {Law::normal, standard_deviation}; }
  /// The identity matrix.
  static Initialisation identity() { return {Law::identity, 1}; }

  /// The same law, what it draws times `factor`.
  Initialisation times(double factor) const { return {law, scale * factor}; }
};

/// One named piece of the flat parameter vector: `encoder.layers.0.self_attention.query.weight`.
struct ParameterRange {
  std::string name;
  Shape shape;
  Initialisation initialisation;
  bool decay = false;       ///< whether weight decay applies: matrices yes; biases and norms no
  std::int64_t offset = 0;  ///< of its first element in the flat vector, in elements
};

/// What a layer holds: a block of one layout, good for a store of any scalar. It knows its layout, so that a layer that
/// meets another one is refused by name instead of reading other weights.
class Parameter {
 public:
  Parameter() = default;
  /// False for a default-made one, which is no parameter at all.
  explicit operator bool() const { return index_ >= 0; }
  /// The name of its first range, such as `encoder.layers.0.self_attention.query.weight`; empty if it is none.
  const std::string& name() const;

 private:
  friend class ParameterLayout;
  // The names of the blocks of a layout. Layout and parameters share it, so its address tells layouts apart for ever.
  using BlockNames = std::vector<std::string>;
  Parameter(std::shared_ptr<const BlockNames> names, std::int32_t index) : names_(std::move(names)), index_(index) {}

  std::shared_ptr<const BlockNames> names_;
  std::int32_t index_ = -1;
};

/// Names, shapes and places of a model's parameters; values live in a ParameterStore. Ranges declared together lie side
/// by side and are *one* block to the machine: the weights of query, key and value are three names and one product.
class ParameterLayout {
 public:
  /// How the ranges of one block lie beside each other: matrices (in, out) join along their columns, column vectors
  /// (biases) along their rows. In memory both mean one after the other.
  enum class Join { columns, rows };

  ParameterLayout() = default;
  // A copy would be another layout, in which the layers of this one have no parameters.
  ParameterLayout(const ParameterLayout&) = delete;
  ParameterLayout& operator=(const ParameterLayout&) = delete;
  ParameterLayout(ParameterLayout&&) = default;
  ParameterLayout& operator=(ParameterLayout&&) = default;

  /// Declares one block. Offsets are assigned here; those given are ignored.
  /// Throws ConfigError on a name given twice, on ranges that cannot be joined or be held in memory, or when the layout
  /// is sealed.
  Parameter declare(std::vector<ParameterRange> ranges, Join join = Join::columns);

  /// The block whose first range has that name; an empty parameter if there is none.
  Parameter declared(std::string_view name) const;

  /// No more declarations: stores may be made.
  void seal() { sealed_ = true; }
  bool sealed() const { return sealed_; }

  std::span<const ParameterRange> ranges() const { return ranges_; }
  /// The range of that name, or nullptr.
  const ParameterRange* find(std::string_view name) const;
  /// Throws ShapeError, naming the range, unless it is one of this layout's, or has the name, shape and place of one.
  void require_range(const ParameterRange& range) const;

  /// Ranges that were declared together: where they begin in the flat vector, and what shape they make.
  struct Block {
    Shape shape;
    std::int64_t offset;
  };
  /// In the order of declaration.
  std::span<const Block> blocks() const { return blocks_; }
  /// The number of a parameter's block. Throws GradientError, naming the parameter, if it was declared in another
  /// layout or is none.
  std::int32_t index_of(const Parameter& parameter) const {
    if (parameter.names_ != names_ || parameter.index_ < 0) refuse(parameter);
    return parameter.index_;
  }
  const Block& block(const Parameter& parameter) const {
    return blocks_[static_cast<std::size_t>(index_of(parameter))];
  }

  /// Elements of the flat vector, alignment gaps included (they stay zero), and of the parameters alone.
  std::int64_t flat_size() const { return flat_size_; }
  std::int64_t parameter_count() const;

 private:
  [[noreturn]] static void refuse(const Parameter& parameter);

  std::vector<ParameterRange> ranges_;
  std::vector<Block> blocks_;
  std::shared_ptr<Parameter::BlockNames> names_ = std::make_shared<Parameter::BlockNames>();
  std::int64_t flat_size_ = 0;
  bool sealed_ = false;
};

/// 64-byte aligned, zero-filled numbers.
template <Scalar T>
class FlatVector {
 public:
  FlatVector() = default;
  explicit FlatVector(std::int64_t size);
  FlatVector(FlatVector&& other) noexcept { swap(other); }
  FlatVector& operator=(FlatVector&& other) noexcept {
    swap(other);
    return *this;
  }
  T* data() { return data_; }
  const T* data() const { return data_; }
  std::int64_t size() const { return size_; }
  std::span<T> span() { return {data_, static_cast<std::size_t>(size_)}; }
  std::span<const T> span() const { return {data_, static_cast<std::size_t>(size_)}; }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  void swap(FlatVector& other) {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  std::unique_ptr<void, Free> memory_;
  T* data_ = nullptr;
  std::int64_t size_ = 0;
};

/// The values and the gradients of a sealed layout, each one aligned flat vector. It outlives every tape that reads it.
/// Optimizers, clipping, checkpoints and the sum over shards see flat vectors and named ranges.
template <Scalar T>
class ParameterStore {
 public:
  /// All zero. Throws ConfigError unless `layout` is sealed; keeps a reference to it.
  explicit ParameterStore(const ParameterLayout& layout);

  const ParameterLayout& layout() const { return *layout_; }
  FlatVector<T>& values() { return values_; }
  const FlatVector<T>& values() const { return values_; }
  FlatVector<T>& gradients() { return gradients_; }
  const FlatVector<T>& gradients() const { return gradients_; }

  /// Throws ShapeError, naming the range, unless the layout has one of that name, shape and place.
  std::span<T> values(const ParameterRange& range) { return slice(values_, range); }
  std::span<const T> values(const ParameterRange& range) const { return slice(values_, range); }
  std::span<T> gradients(const ParameterRange& range) { return slice(gradients_, range); }

  /// Draws every parameter by its law; element i of range r depends on (seed, r, i) alone, and is drawn in double, so
  /// that stores of every scalar start equal up to rounding.
  void initialise(std::uint64_t seed);

 private:
  template <class V>
  auto slice(V& vector, const ParameterRange& range) const {
    layout_->require_range(range);
    return vector.span().subspan(static_cast<std::size_t>(range.offset), static_cast<std::size_t>(range.shape.size()));
  }

  const ParameterLayout* layout_;
  FlatVector<T> values_;
  FlatVector<T> gradients_;
};

}  // namespace tapehead
