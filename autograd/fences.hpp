#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "autograd/arena.hpp"

namespace tapehead {

/// Finds out who writes where he must not. While an arena is given fences, every piece that it hands out stands between
/// two margins of known bytes, as wide as the piece, and begins with bytes that are no number in any scalar. What
/// changed in a margin was written past the piece, and harmed nobody: without it the write would have hit what lies
/// beside it, a pullback for instance, and ended the program far away. A check of gradients does so once; training
/// never does.
class Fences {
 public:
  /// `often`: looks at all pieces after each pullback, to know which one it was. Slow where there are many.
  /// `other`: fences and fresh memory hold other bytes, so that who reads them computes something else.
  explicit Fences(bool often = false, bool other = false)
      : often_(often),
        fence_(other ? std::byte{0x40} : std::byte{0xfe}),    // large numbers, or ones near three
        fresh_(other ? std::byte{0x3f} : std::byte{0xff}) {}  // NaN, or small numbers
  bool often() const { return often_; }

  /// Bytes of each margin.
  static std::size_t margin(std::size_t bytes);

  /// `raw`, of bytes + 2 · margin(bytes), was taken from `arena` when it stood at `mark`. Returns the piece inside.
  void* put(std::byte* raw, std::size_t bytes, const Arena* arena, Arena::Mark mark);

  /// What pieces are, from now on: "the gradient of softmax". Empty: not known yet, see name_new.
  void set_label(std::string label) { label_ = std::move(label); }
  /// Looks at all pieces without a label, and gives them this one.
  void name_new(const std::string& label);
  /// Looks at the pieces of an arena behind a mark, which are given back.
  void leave(const Arena* arena, Arena::Mark mark);
  /// Looks at all pieces. What is found was written by `who`, if that is known: "the pullback of softmax".
  void look(const std::string& who = {});

  /// "8 bytes past the output of softmax are written"; each piece once.
  const std::vector<std::string>& findings() const { return findings_; }

 private:
  struct Piece {
    std::byte* raw;
    std::size_t bytes;
    const Arena* arena;
    Arena::Mark mark;
    std::string label;
    bool found = false;
  };

  bool is_whole(const std::byte* fence, std::size_t bytes) const;
  void look_at(Piece& piece, const std::string& who = {});

  bool often_;
  std::byte fence_, fresh_;
  std::vector<Piece> pieces_;
  std::string label_;
  std::vector<std::string> findings_;
};

}  // namespace tapehead
