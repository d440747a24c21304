#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tapehead {

class Fences;

/// Memory handed out by moving a pointer and taken back all at once. Every piece is aligned to 64 bytes, a cache line
/// and the widest vector register. A full arena grows by a block; reset() joins the blocks into one, so that an arena
/// which has seen its largest load never asks the system again. What is not handed out is poisoned (see poison.hpp).
class Arena {
 public:
  static constexpr std::size_t kAlignment = 64;

  struct Mark {
    std::size_t block = 0;
    std::size_t used = 0;
  };

  /// Uninitialised memory, valid until the arena is rewound behind it or reset. Throws std::bad_alloc.
  void* allocate(std::size_t bytes);

  /// The same for `count` elements; a negative count is as much as there cannot be.
  template <class T>
  T* allocate(std::int64_t count) {
    const bool possible = static_cast<std::size_t>(count) <= kLargest / sizeof(T);
    return static_cast<T*>(allocate(possible ? static_cast<std::size_t>(count) * sizeof(T) : kLargest + 1));
  }

  /// rewind(mark()) frees what was allocated in between.
  Mark mark() const;
  void rewind(Mark mark);

  /// Frees everything; invalidates every pointer. Afterwards one block holds at least `at_least` bytes and all that
  /// the arena held before.
  void reset(std::size_t at_least = 0);

  std::size_t capacity() const;
  /// Bytes handed out and not rewound.
  std::size_t used() const;

  /// Puts every piece from now on between fences (see fences.hpp), which must outlive the arena's use; nullptr: none.
  void set_fences(Fences* fences) { fences_ = fences; }

 private:
  void* take(std::size_t bytes);
  struct Free {
    void operator()(std::byte* memory) const;
  };
  struct Block {
    std::unique_ptr<std::byte, Free> memory;
    std::size_t size = 0;
    std::size_t used = 0;
  };

  static Block make_block(std::size_t bytes);

  // No object is larger; up to here rounding up does not wrap around.
  static constexpr std::size_t kLargest = PTRDIFF_MAX;

  std::vector<Block> blocks_;
  std::size_t current_ = 0;
  Fences* fences_ = nullptr;
};

/// Recycles the adjoints of one backward pass: what a node gives back serves the next node of about its size.
/// Sizes are rounded up to four classes per power of two, so at most a quarter of a piece lies idle. A smaller load may
/// recycle less well than a larger one, so reset() leaves room for twice what was needed; what is not touched costs
/// address space only.
class RecyclingArena {
 public:
  void* allocate(std::size_t bytes);
  /// `bytes` as it was asked for. The piece may be handed out again at once.
  void release(void* piece, std::size_t bytes);
  void reset();

  /// See Arena. Nothing is recycled then.
  void set_fences(Fences* fences);

 private:
  struct FreePiece {
    FreePiece* next;
  };
  static constexpr std::size_t kClasses = 256;

  Arena arena_;
  std::array<FreePiece*, kClasses> free_{};
  bool recycles_ = true;
};

}  // namespace tapehead
