#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "autograd/base/file.hpp"

namespace tapehead {

/// What the bytes of a line may be: text is UTF-8, and is given in its composed form (to_nfc); raw is anything but a
/// null, for lines that hold names of files, which are bytes to the system.
enum class LineContent { text, raw };

struct LineOptions {
  LineContent content = LineContent::text;
  std::size_t longest = std::size_t{1} << 20U;  ///< bytes of a line
};

/// Reads line by line, in blocks and without ever holding much more than a line; a byte order mark is passed over.
///
/// A line ends with LF or CR LF; in a source whose first line ends with a CR alone, each does (as on old Macintosh). A
/// CR or LF amid a line of a source that ends its lines otherwise is refused: nobody can know how many lines were
/// meant.
///
/// Errors name file and line, as DataError: not UTF-8, a null byte, mixed line ends. After one of these next() goes on
/// with the line behind. A line longer than it may be and bytes that cannot be read (FileError) end the reading.
class LineReader {
 public:
  /// The source must outlive the reader.
  explicit LineReader(ByteSource& source, LineOptions options = {}) : source_(source), options_(options) {}

  /// Sets `line` to the next one, without its end, for as long as the next call; false at the end.
  bool next(std::string_view& line);

  /// Of the line that next() gave or refused last, from 1.
  std::int64_t number() const { return number_; }
  /// "file:3".
  std::string place() const;

  /// Whether an end stood behind that line; the last one may have none.
  bool line_was_ended() const { return line_was_ended_; }

  /// Whether a further line, or the end, can be had without waiting for somebody to type it.
  bool is_ready() const;
  /// Whether the end was reached, or an error that ends the reading.
  bool ended() const { return ended_; }

 private:
  enum class Ends { unknown, lf, cr };

  void fill();
  std::size_t find_end();
  void decide(std::size_t first);
  std::string_view checked(std::string_view line);
  void begin();
  [[noreturn]] void refuse_line(const char* why) const;

  ByteSource& source_;
  LineOptions options_;
  std::string buffer_;        // what was read and not yet given
  std::size_t begin_ = 0;     // of the next line in it
  std::size_t searched_ = 0;  // no line ends before this
  std::string composed_;
  std::int64_t number_ = 0;
  Ends ends_ = Ends::unknown;
  bool line_was_ended_ = false;
  bool started_ = false;
  bool source_ended_ = false;
  bool ended_ = false;
};

}  // namespace tapehead
