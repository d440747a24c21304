#include "autograd/arena.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "autograd/fences.hpp"
#include "autograd/poison.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kSmallestBlock = std::size_t{1} << 20;

constexpr std::size_t round_up(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

struct SizeClass {
  std::size_t index;
  std::size_t bytes;
};

// Class boundaries are 2^e · {4, 5, 6, 7} / 4.
SizeClass size_class(std::size_t bytes) {
  bytes = std::max(bytes, Arena::kAlignment);
  const auto exponent = static_cast<std::size_t>(std::bit_width(bytes) - 1);
  const std::size_t quarter = std::size_t{1} << (exponent - 2);
  const std::size_t steps = round_up(bytes, quarter) / quarter;  // 4 … 8
  return {exponent * 4 + steps, steps * quarter};
}

}  // namespace

void Arena::Free::operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{kAlignment}); }

Arena::Block Arena::make_block(std::size_t bytes) {
  Block block;
  block.memory.reset(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{kAlignment})));
  block.size = bytes;
  poison(block.memory.get(), bytes);
  return block;
}

void* Arena::allocate(std::size_t bytes) {
  if (fences_ == nullptr) return take(bytes);
  if (bytes > kLargest / 2) throw std::bad_alloc();
  const Mark before = mark();
  return fences_->put(static_cast<std::byte*>(take(bytes + 2 * Fences::margin(bytes))), bytes, this, before);
}

void* Arena::take(std::size_t bytes) {
  if (bytes > kLargest) throw std::bad_alloc();
  const std::size_t asked = bytes;
  bytes = round_up(std::max<std::size_t>(bytes, 1), kAlignment);
  while (current_ < blocks_.size() && blocks_[current_].size - blocks_[current_].used < bytes) {
    if (current_ + 1 < blocks_.size()) {
      blocks_[++current_].used = 0;
      continue;
    }
    blocks_.push_back(make_block(std::max(bytes, 2 * blocks_.back().size)));
    ++current_;
  }
  if (blocks_.empty()) blocks_.push_back(make_block(std::max(bytes, kSmallestBlock)));
  Block& block = blocks_[current_];
  void* piece = block.memory.get() + block.used;
  block.used += bytes;
  unpoison(piece, asked);  // what it was rounded up by stays
  return piece;
}

Arena::Mark Arena::mark() const { return {current_, blocks_.empty() ? 0 : blocks_[current_].used}; }

void Arena::rewind(Mark mark) {
  if (blocks_.empty()) return;
  if (fences_ != nullptr) fences_->leave(this, mark);
  for (std::size_t block = mark.block; block <= current_; ++block) {
    const std::size_t kept = block == mark.block ? mark.used : 0;
    poison(blocks_[block].memory.get() + kept, blocks_[block].size - kept);
  }
  current_ = mark.block;
  blocks_[current_].used = mark.used;
}

void Arena::reset(std::size_t at_least) {
  if (fences_ != nullptr) fences_->leave(this, {});
  const std::size_t held = capacity();
  if (blocks_.size() > 1 || held < at_least) {
    blocks_.clear();
    blocks_.push_back(make_block(std::max(held, at_least)));
  }
  rewind({});
}

std::size_t Arena::capacity() const {
  std::size_t bytes = 0;
  for (const Block& block : blocks_) bytes += block.size;
  return bytes;
}

std::size_t Arena::used() const {
  std::size_t bytes = 0;
  for (std::size_t block = 0; block < blocks_.size() && block <= current_; ++block) bytes += blocks_[block].used;
  return bytes;
}

void* RecyclingArena::allocate(std::size_t bytes) {
  if (!recycles_) return arena_.allocate(bytes);
  const SizeClass wanted = size_class(bytes);
  FreePiece*& head = free_[wanted.index];
  if (head == nullptr) {
    void* piece = arena_.allocate(wanted.bytes);
    poison(static_cast<std::byte*>(piece) + bytes, wanted.bytes - bytes);
    return piece;
  }
  void* piece = head;
  head = head->next;
  unpoison(piece, bytes);
  return piece;
}

void RecyclingArena::release(void* piece, std::size_t bytes) {
  if (!recycles_) {  // who reads it now reads no number
    std::memset(piece, 0xff, bytes);
    return;
  }
  FreePiece*& head = free_[size_class(bytes).index];
  unpoison(piece, sizeof(FreePiece));  // a smaller one has that much room, too
  head = new (piece) FreePiece{head};
  poison(static_cast<std::byte*>(piece) + sizeof(FreePiece), size_class(bytes).bytes - sizeof(FreePiece));
}

void RecyclingArena::set_fences(Fences* fences) {
  reset();
  recycles_ = fences == nullptr;
  arena_.set_fences(fences);
}

void RecyclingArena::reset() {
  arena_.reset(2 * arena_.used());
  free_.fill(nullptr);
}

}  // namespace tapehead
