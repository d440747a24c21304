#include "layers/models/places_state.hpp"

#include <algorithm>

namespace tapehead {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

template <RealScalar T>
PlacesState<T>::PlacesState(Var<T> logits, std::vector<std::int32_t> lengths)
    : vocabulary_(logits.shape().rows),
      places_(logits.shape().columns),
      all_(logits.data(), logits.data() + logits.shape().size()),
      lengths_(std::move(lengths)),
      written_(lengths_.size()) {
  show();
}

template <RealScalar T>
std::int64_t PlacesState<T>::room(std::int64_t column) const {
  return lengths_[at(column)] - written_[at(column)];
}

template <RealScalar T>
void PlacesState<T>::step(std::span<const std::int32_t> tokens) {
  for (std::size_t b = 0; b < tokens.size(); ++b) written_[b] += tokens[b] != kPadding;
  show();
}

template <RealScalar T>
void PlacesState<T>::reorder(std::span<const std::int32_t> from) {
  const std::int64_t size = vocabulary_ * places_;
  std::vector<T> all;
  std::vector<std::int32_t> lengths, written;
  for (const std::int32_t column : from) {
    all.insert(all.end(), all_.data() + size * column, all_.data() + size * (column + 1));
    lengths.push_back(lengths_.at(at(column)));
    written.push_back(written_.at(at(column)));
  }
  all_ = std::move(all);
  lengths_ = std::move(lengths);
  written_ = std::move(written);
  show();
}

template <RealScalar T>
void PlacesState<T>::show() {
  shown_.resize(at(vocabulary_ * columns()));
  for (std::int64_t b = 0; b < columns(); ++b) {
    const std::int64_t place = std::min<std::int64_t>(written_[at(b)], places_ - 1);
    std::copy_n(all_.data() + vocabulary_ * (place + places_ * b), vocabulary_, shown_.data() + vocabulary_ * b);
  }
}

template class PlacesState<float>;
template class PlacesState<double>;

}  // namespace tapehead
