#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "autograd/base/batch_view.hpp"

namespace tapehead {

/// What the examples of some data have, and their longest lengths, without start and end.
struct ExampleShape {
  std::string data = "this batch";  ///< a name for messages: "task copy"
  bool has_source = true;           ///< tokens that the target follows from
  bool has_target = true;           ///< tokens that are to be said
  bool ends = true;                 ///< the end is to be said behind them; else the data go on, or it is known
  std::int64_t source = 0;          ///< longest, in tokens
  std::int64_t target = 0;          ///< longest, in tokens
  bool has_positions = false;       ///< numbers of the positions <s> y of the input
  std::int64_t channels = 0;        ///< numbers of one position of the features; 0: there are no features
  std::int64_t features = 0;        ///< longest, in positions
  std::int64_t grid_rows = 0;       ///< rows that the positions of features lie in, one behind another; 0: in none
  std::int64_t classes = 0;         ///< of the label; 0: there is no label
};

/// One example as a batch takes it. The memory is somebody else's.
struct ExampleView {
  std::span<const std::int32_t> source = {}, target = {};
  std::span<const float> features = {};  ///< (C, T): the channels of a position lie together
  std::int32_t label = 0;
  std::span<const std::int32_t> positions = {};  ///< of each token of the input, <s> y
  /// Whether each target token, and the end behind them, counts; empty: all do.
  std::span<const std::uint8_t> marks = {};
  std::int32_t before = kStart;  ///< what stands before the target: the token there of data that go on
};

/// One example: ids without start, end or padding, and what else the data have; see ExampleView.
struct SequencePair {
  std::vector<std::int32_t> source = {}, target = {};
  std::vector<float> features = {};
  std::int32_t label = 0;
  std::vector<std::int32_t> positions = {};
  std::vector<std::uint8_t> marks = {};
  std::int32_t before = kStart;

  ExampleView view() const { return {source, target, features, label, positions, marks, before}; }
};

/// Data of such examples alone as are no longer than this one.
ExampleShape shape_of(const ExampleShape& data, const ExampleView& example);

/// A copy in memory of its own.
SequencePair stored(const ExampleView& example);

/// Where a task writes one example. Room for the longest one is made once: writing allocates nothing.
class ExampleWriter {
 public:
  explicit ExampleWriter(const ExampleShape& longest = {});

  void clear();

  /// Room for so many tokens, to be filled with ids from kFirstFreeId on. Throws DataError, with the name of the data,
  /// for more than the longest, as do those below.
  std::span<std::int32_t> source(std::int64_t length);
  std::span<std::int32_t> target(std::int64_t length);
  /// Room for the channels of so many positions.
  std::span<float> features(std::int64_t positions);
  void label(std::int32_t label);
  /// The token before the target.
  void before(std::int32_t token) { written_.before = token; }
  /// Of each token of the input, 0, 1, 2 … until they are changed. After target().
  std::span<std::int32_t> positions();
  /// Whether each target token, and the end where there is one, count: all do until they are changed. After target().
  std::span<std::uint8_t> marks();

  const ExampleView& view() const { return written_; }

 private:
  void require(bool possible, const char* what, std::int64_t length, std::int64_t longest) const;

  ExampleShape longest_;
  std::vector<std::int32_t> source_, target_, positions_;
  std::vector<float> features_;
  std::vector<std::uint8_t> marks_;
  ExampleView written_;
};

}  // namespace tapehead
