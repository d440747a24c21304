#include "autograd/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdlib>
#include <memory>
#include <new>

#include "autograd/arena.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"

namespace tapehead {

Initialisation Initialisation::xavier_uniform(std::int64_t fan_in, std::int64_t fan_out) {
  return {Law::uniform, std::sqrt(6.0 / static_cast<double>(fan_in + fan_out))};
}

Initialisation Initialisation::xavier_normal(std::int64_t fan_in, std::int64_t fan_out) {
  return normal(std::sqrt(2.0 / static_cast<double>(fan_in + fan_out)));
}

Initialisation Initialisation::kaiming_normal(std::int64_t fan_in) {
  return normal(std::sqrt(2.0 / static_cast<double>(fan_in)));
}

Initialisation Initialisation::kaiming_uniform(std::int64_t fan_in) {
  return {Law::uniform, std::sqrt(6.0 / static_cast<double>(fan_in))};
}

const std::string& Parameter::name() const {
  static const std::string none;
  return *this ? (*names_)[static_cast<std::size_t>(index_)] : none;
}

namespace {

// Elements from which on a vector of the widest scalar is larger than memory can be.
constexpr std::int64_t kTooMany = PTRDIFF_MAX / static_cast<std::int64_t>(sizeof(std::complex<double>));

// `size` elements, and these ranges behind them.
void require_possible(std::int64_t size, const std::vector<ParameterRange>& ranges) {
  for (const ParameterRange& range : ranges) {
    const auto& [rows, columns, slices] = range.shape;
    std::int64_t more = 0;
    const bool wraps = __builtin_mul_overflow(rows, columns, &more) || __builtin_mul_overflow(more, slices, &more) ||
                       __builtin_add_overflow(size, more, &size);
    if (wraps || rows < 0 || columns < 0 || slices < 0 || size >= kTooMany) {
      throw ConfigError(fmt::format("parameters: {} of shape {} is more than memory can hold, or less than nothing",
                                    range.name, to_string(range.shape)));
    }
  }
}

}  // namespace

Parameter ParameterLayout::declare(std::vector<ParameterRange> ranges, Join join) {
  if (ranges.empty()) throw ConfigError("parameters: a block without ranges is declared");
  if (sealed_) throw ConfigError(fmt::format("parameters: {} declared after the layout was sealed", ranges[0].name));
  require_possible(flat_size_, ranges);
  if (names_ == nullptr) names_ = std::make_shared<Parameter::BlockNames>();  // this one was moved from
  Block block{ranges[0].shape, flat_size_};
  std::int64_t& joined = join == Join::rows ? block.shape.rows : block.shape.columns;
  joined = 0;
  for (ParameterRange& range : ranges) {
    if (find(range.name) != nullptr) throw ConfigError(fmt::format("parameters: the name {} is taken", range.name));
    if (join == Join::rows ? range.shape.columns != 1 : range.shape.rows != block.shape.rows) {
      throw ConfigError(fmt::format("parameters: {} of shape {} does not fit beside {} of shape {}", range.name,
                                    to_string(range.shape), ranges[0].name, to_string(ranges[0].shape)));
    }
    joined += join == Join::rows ? range.shape.rows : range.shape.columns;
    range.offset = flat_size_;
    flat_size_ += range.shape.size();
    ranges_.push_back(std::move(range));
  }
  // A multiple of 64 elements keeps every block aligned to a cache line, whatever the scalar.
  constexpr std::int64_t kAlign = 64;
  flat_size_ = (flat_size_ + kAlign - 1) / kAlign * kAlign;
  blocks_.push_back(block);
  names_->push_back(ranges_[ranges_.size() - ranges.size()].name);  // they have moved there
  return {names_, static_cast<std::int32_t>(blocks_.size()) - 1};
}

Parameter ParameterLayout::declared(std::string_view name) const {
  const auto found = std::ranges::find(*names_, name);
  if (found == names_->end()) return {};
  return {names_, static_cast<std::int32_t>(found - names_->begin())};
}

void ParameterLayout::refuse(const Parameter& parameter) {
  if (!parameter) throw GradientError("parameters: an empty parameter is used; a layer gets its own by declaring it");
  throw GradientError(
      fmt::format("parameters: {} was declared in another layout; run a layer on a tape of a store of its own layout",
                  parameter.name()));
}

void ParameterLayout::require_range(const ParameterRange& range) const {
  if (!ranges_.empty() && &range >= ranges_.data() && &range < ranges_.data() + ranges_.size()) return;
  const ParameterRange* own = find(range.name);
  if (own != nullptr && own->shape == range.shape && own->offset == range.offset) return;
  throw ShapeError(
      fmt::format("parameters: {} of shape {} is a range of another layout", range.name, to_string(range.shape)));
}

const ParameterRange* ParameterLayout::find(std::string_view name) const {
  const auto at = std::find_if(ranges_.begin(), ranges_.end(), [&](const auto& range) { return range.name == name; });
  return at == ranges_.end() ? nullptr : &*at;
}

std::int64_t ParameterLayout::parameter_count() const {
  std::int64_t count = 0;
  for (const ParameterRange& range : ranges_) count += range.shape.size();
  return count;
}

template <Scalar T>
FlatVector<T>::FlatVector(std::int64_t size) : size_(size) {
  // calloc takes zeros from the system as they are: pages that nobody writes to cost no memory.
  const auto count = static_cast<std::size_t>(size);
  memory_.reset(std::calloc(count + Arena::kAlignment / sizeof(T), sizeof(T)));
  if (memory_ == nullptr) throw std::bad_alloc();
  void* begin = memory_.get();
  std::size_t room = count * sizeof(T) + Arena::kAlignment;
  data_ = static_cast<T*>(std::align(Arena::kAlignment, count * sizeof(T), begin, room));
}

template <Scalar T>
void FlatVector<T>::Free::operator()(void* memory) const {
  std::free(memory);
}

template <Scalar T>
ParameterStore<T>::ParameterStore(const ParameterLayout& layout)
    : layout_(&layout), values_(layout.flat_size()), gradients_(layout.flat_size()) {
  if (!layout.sealed()) throw ConfigError("parameters: a store needs a sealed layout; call seal() first");
}

template <Scalar T>
void ParameterStore<T>::initialise(std::uint64_t seed) {
  std::uint32_t site = 0;
  for (const ParameterRange& range : layout_->ranges()) {
    const RandomStream random(seed, Purpose::initialisation, 0, site++);
    const auto [law, scale] = range.initialisation;
    std::uint32_t i = 0;
    for (T& value : values(range)) {
      double drawn = scale;
      if (law == Initialisation::Law::uniform) drawn *= 2 * random.uniform(i) - 1;
      if (law == Initialisation::Law::normal) drawn *= random.normal(i);
      if (law == Initialisation::Law::identity && i % range.shape.rows != i / range.shape.rows) drawn = 0;
      value = static_cast<T>(drawn);
      ++i;
    }
  }
}

template class FlatVector<float>;
template class FlatVector<double>;
template class FlatVector<std::complex<double>>;
template class ParameterStore<float>;
template class ParameterStore<double>;
template class ParameterStore<std::complex<double>>;

}  // namespace tapehead
