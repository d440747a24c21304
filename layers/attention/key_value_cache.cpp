#include "layers/attention/key_value_cache.hpp"

#include <algorithm>

namespace tapehead {
namespace {

constexpr std::int64_t kFewestPositions = 32;  // of a cache's memory, which doubles when it is full

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

void ReadPositions::begin_pass(const std::int32_t* more) {
  for (std::size_t b = 0; b < before_.size(); ++b) with_[b] = before_[b] + more[b];
}

void ReadPositions::end_pass() {
  before_ = with_;
  any_ = true;
}

void ReadPositions::reorder_positions(std::span<const std::int32_t> from) {
  std::vector<std::int32_t> reordered;
  for (const std::int32_t column : from) reordered.push_back(before_.at(at(column)));
  before_ = with_ = std::move(reordered);
}

template <Scalar T>
Var<T> KeyValueCache<T>::view(Tape<T>& tape, Slot& slot) const {
  return tape.record("cached", {slot.rows, slot.positions, columns()}, slot.values.data(), {}, [](Pull<T>&) {});
}

// Room for all positions with this pass's.
template <Scalar T>
void KeyValueCache<T>::make_room(Slot& slot, std::int64_t rows) {
  const std::int64_t needed = columns() == 0 ? 0 : *std::max_element(with(), with() + columns());
  if (needed <= slot.positions) return;
  const std::int64_t positions = std::max({needed, 2 * slot.positions, kFewestPositions});
  std::vector<T> values(at(rows * positions * columns()));
  for (std::int64_t b = 0; b < columns(); ++b) {
    std::copy_n(slot.values.data() + rows * slot.positions * b,
                rows * std::min<std::int64_t>(before()[b], slot.positions), values.data() + rows * positions * b);
  }
  slot.rows = rows;
  slot.positions = positions;
  slot.values = std::move(values);
}

template <Scalar T>
Var<T> KeyValueCache<T>::extend(std::uint32_t site, const RowBlock<T>& x) {
  const Shape shape = x.x.shape();
  Slot& slot = slots_[site];
  make_room(slot, x.rows);
  for (std::int64_t b = 0; b < columns(); ++b) {
    const T* from = x.x.data() + x.first_row + shape.rows * shape.columns * b;
    T* to = slot.values.data() + slot.rows * (before()[b] + slot.positions * b);
    for (std::int64_t t = before()[b]; t < with()[b]; ++t, from += shape.rows, to += slot.rows) {
      std::copy_n(from, slot.rows, to);
    }
  }
  return any() ? view(x.x.tape(), slot) : Var<T>{};
}

template <Scalar T>
void KeyValueCache<T>::keep(std::uint32_t site, Var<T> x) {
  const Shape shape = x.shape();
  slots_[site] = {shape.rows, shape.columns, {x.data(), x.data() + shape.size()}, true};
}

template <Scalar T>
T* KeyValueCache<T>::state(std::uint32_t site, std::int64_t rows) {
  Slot& slot = slots_[site];
  if (slot.rows == 0) slot = {rows, 1, std::vector<T>(at(rows * columns())), true};
  return slot.values.data();
}

template <Scalar T>
void KeyValueCache<T>::reorder(std::span<const std::int32_t> from) {
  for (auto& [site, slot] : slots_) {
    const std::int64_t size = slot.rows * slot.positions;
    std::vector<T> values(at(size * std::ssize(from)));
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::int64_t used = slot.of_memory ? size : slot.rows * before()[from[i]];
      std::copy_n(slot.values.data() + size * from[i], used, values.data() + size * static_cast<std::int64_t>(i));
    }
    slot.values = std::move(values);
  }
  reorder_positions(from);
}

template class KeyValueCache<float>;
template class KeyValueCache<double>;
template class KeyValueCache<std::complex<double>>;

}  // namespace tapehead
