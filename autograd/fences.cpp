#include "autograd/fences.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <tuple>

namespace tapehead {
namespace {

constexpr std::size_t kNarrowest = 1024, kWidest = std::size_t{1} << 18;

}  // namespace

bool Fences::is_whole(const std::byte* fence, std::size_t bytes) const {  // each byte is the one before it
  return fence[0] == fence_ && std::memcmp(fence, fence + 1, bytes - 1) == 0;
}

std::size_t Fences::margin(std::size_t bytes) {
  const std::size_t wide = std::clamp(bytes, kNarrowest, kWidest);
  return (wide + Arena::kAlignment - 1) / Arena::kAlignment * Arena::kAlignment;
}

void* Fences::put(std::byte* raw, std::size_t bytes, const Arena* arena, Arena::Mark mark) {
  const std::size_t wide = margin(bytes);
  std::fill_n(raw, wide, fence_);
  std::fill_n(raw + wide, bytes, fresh_);
  std::fill_n(raw + wide + bytes, wide, fence_);
  pieces_.push_back({raw, bytes, arena, mark, label_});
  return raw + wide;
}

void Fences::look_at(Piece& piece, const std::string& who) {
  if (piece.found) return;
  const std::size_t wide = margin(piece.bytes);
  const std::byte* after = piece.raw + wide + piece.bytes;
  if (is_whole(piece.raw, wide) && is_whole(after, wide)) return;
  std::size_t before_count = 0, after_count = 0;  // how far the writes reach
  for (std::size_t i = 0; i < wide; ++i) {
    if (piece.raw[wide - 1 - i] != fence_) before_count = i + 1;
    if (after[i] != fence_) after_count = i + 1;
  }
  const std::string what = piece.label.empty() ? "memory of an op that failed" : piece.label;
  const auto tell = [&](std::size_t count, const char* where) {
    if (count == 0) return;
    findings_.push_back(
        fmt::format("up to {} bytes {} {} are written{}{}", count, where, what, who.empty() ? "" : " by ", who));
  };
  tell(after_count, "past");
  tell(before_count, "before");
  piece.found = before_count + after_count > 0;
}

void Fences::name_new(const std::string& label) {
  for (auto piece = pieces_.rbegin(); piece != pieces_.rend(); ++piece) {
    if (!piece->label.empty()) continue;
    piece->label = label;
    look_at(*piece);
  }
}

void Fences::leave(const Arena* arena, Arena::Mark mark) {
  const auto behind = [&](const Piece& piece) {
    return piece.arena == arena && std::tuple(piece.mark.block, piece.mark.used) >= std::tuple(mark.block, mark.used);
  };
  for (Piece& piece : pieces_) {
    if (behind(piece)) look_at(piece);
  }
  std::erase_if(pieces_, behind);
}

void Fences::look(const std::string& who) {
  for (Piece& piece : pieces_) look_at(piece, who);
}

}  // namespace tapehead
