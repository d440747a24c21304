#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "autograd/ops/attention.hpp"
#include "autograd/parameters.hpp"
#include "autograd/tape.hpp"
#include "layers/pass.hpp"

namespace tapehead {

/// How far a decoding state has read in each of its columns. Layers learn from it at which positions a pass stands.
class ReadPositions {
 public:
  explicit ReadPositions(std::int64_t columns) : before_(static_cast<std::size_t>(columns)), with_(before_) {}
  virtual ~ReadPositions() = default;

  std::int64_t columns() const { return std::ssize(before_); }
  /// Positions read before this pass: where its first token stands.
  const std::int32_t* before() const { return before_.data(); }
  /// The same with this pass's.
  const std::int32_t* with() const { return with_.data(); }
  /// Whether any were read before.
  bool any() const { return any_; }

  /// A pass over so many more positions of each column begins; it ends.
  void begin_pass(const std::int32_t* more);
  void end_pass();

 protected:
  /// Column i becomes what column from[i] is now.
  void reorder_positions(std::span<const std::int32_t> from);

 private:
  std::vector<std::int32_t> before_, with_;
  bool any_ = false;
};

/// What the attention layers of a decoding state remember: keys and values of the positions read, and those of a memory
/// that they attend to. Layers are told apart by their sites. It owns its memory, which grows with what is read.
template <Scalar T>
class KeyValueCache : public ReadPositions {
 public:
  using ReadPositions::ReadPositions;

  /// The one of a pass. REQUIRES: pass.cache, of this scalar.
  static KeyValueCache& of(const Pass& pass) { return dynamic_cast<KeyValueCache&>(*pass.cache); }

  /// Remembers the rows of x (R, T, B), keys above values, of this pass's positions. Returns those of all positions,
  /// (rows, K, B), where any were read before, valid as long as the tape's values and until the next call; else an
  /// empty handle: x itself is all there is.
  Var<T> extend(std::uint32_t site, const RowBlock<T>& x);

  /// What a layer projects of its memory, made by `project` when it is first asked for.
  template <class F>
  Var<T> remember(std::uint32_t site, Tape<T>& tape, const F& project) {
    if (!slots_.contains(site)) keep(site, project());
    return view(tape, slots_.at(site));
  }

  /// `rows` numbers of each column that a layer keeps in the place of keys and values, zeros at first, (rows, B): valid
  /// until the next call.
  T* state(std::uint32_t site, std::int64_t rows);

  /// Column i becomes a copy of what column from[i] is now.
  void reorder(std::span<const std::int32_t> from);

 private:
  // (rows, positions, columns)
  struct Slot {
    std::int64_t rows = 0, positions = 0;
    std::vector<T> values;
    bool of_memory = false;  // or a state: all of it counts, whatever was read
  };

  void keep(std::uint32_t site, Var<T> x);
  void make_room(Slot& slot, std::int64_t rows);
  Var<T> view(Tape<T>& tape, Slot& slot) const;

  std::map<std::uint32_t, Slot> slots_;
};

}  // namespace tapehead
