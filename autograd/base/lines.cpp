#include "autograd/base/lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "autograd/base/text.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 16U;
constexpr std::size_t kNone = std::string::npos;

// How packed files begin, and what unpacks them.
constexpr std::pair<std::string_view, const char*> kPacked[] = {{"\x1f\x8b", "gunzip"},
                                                                {"\xfd"
                                                                 "7z",
                                                                 "unxz"},
                                                                {"\x28\xb5\x2f\xfd", "unzstd"},
                                                                {"BZh", "bunzip2"},
                                                                {"PK\x03\x04", "unzip"}};

}  // namespace

std::string LineReader::place() const { return fmt::format("{}:{}", source_.name(), number_); }

void LineReader::refuse_line(const char* why) const { throw DataError(fmt::format("{}: {}", place(), why)); }

bool LineReader::is_ready() const {
  const bool whole = buffer_.find(ends_ == Ends::cr ? '\r' : '\n', begin_) != kNone;
  return whole || source_ended_ || source_.is_ready();
}

// Reads another block behind what there is.
void LineReader::fill() {
  buffer_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  const std::size_t had = buffer_.size();
  buffer_.resize(had + kBlock);
  std::size_t got = 0;
  try {
    got = source_.read(std::span(buffer_).subspan(had));
  } catch (...) {
    ended_ = true;
    ++number_;
    throw;
  }
  buffer_.resize(had + got);
  source_ended_ = got == 0;
}

// The first CR or LF tells what ends lines here. Where that is a CR, an LF further on in the buffer says more.
void LineReader::decide(std::size_t first) {
  const bool only_cr = buffer_.find_first_not_of('\r', first) == kNone;
  if (only_cr && !source_ended_ && buffer_.size() - first < kBlock) return;  // an LF may be on its way
  const bool some_lf = buffer_.find('\n', first) != kNone;
  ends_ = some_lf ? Ends::lf : Ends::cr;
}

// Passes over a byte order mark of UTF-8; the first bytes of packed files and of UTF-16 say what those are.
void LineReader::begin() {
  started_ = true;
  if (buffer_.starts_with("\xef\xbb\xbf")) begin_ = searched_ = 3;
  for (const auto& [bytes, unpack] : kPacked) {
    if (!buffer_.starts_with(bytes)) continue;
    ended_ = true;
    throw DataError(fmt::format("{}: is packed, not text; unpack it first: {}", source_.name(), unpack));
  }
  if (!buffer_.starts_with("\xff\xfe") && !buffer_.starts_with("\xfe\xff")) return;
  ended_ = true;
  throw DataError(source_.name() + ": is UTF-16; convert it to UTF-8: iconv -f UTF-16 -t UTF-8");
}

// Where the line that begins at begin_ ends in the buffer, if it does.
std::size_t LineReader::find_end() {
  if (ends_ == Ends::unknown) {
    searched_ = std::min(buffer_.find_first_of("\r\n", searched_), buffer_.size());
    if (searched_ == buffer_.size()) return kNone;
    decide(searched_);
    if (ends_ == Ends::unknown) return kNone;
  }
  const std::size_t end = buffer_.find(ends_ == Ends::cr ? '\r' : '\n', searched_);
  searched_ = std::min(end, buffer_.size());
  return end;
}

bool LineReader::next(std::string_view& line) {
  if (ended_) return false;
  std::size_t end = kNone;
  while ((end = find_end()) == kNone) {
    if (buffer_.size() - begin_ > options_.longest + 1 || source_ended_) break;  // room for a CR
    fill();
    if (!started_ && (buffer_.size() >= 3 || source_ended_)) begin();
  }
  if (end == kNone && begin_ == buffer_.size()) {
    ended_ = true;
    return false;
  }
  ++number_;
  const bool last = end == kNone && source_ended_;
  line = std::string_view(buffer_).substr(begin_, end == kNone ? kNone : end - begin_);
  while (ends_ != Ends::cr && line.ends_with('\r')) line.remove_suffix(1);
  if ((end == kNone && !last) || line.size() > options_.longest) {
    ended_ = true;
    throw DataError(fmt::format("{}: the line is longer than {} bytes; is this text, a sentence a line?", place(),
                                options_.longest));
  }
  line_was_ended_ = !last;
  begin_ = searched_ = last ? buffer_.size() : end + 1;
  line = checked(line);
  return true;
}

std::string_view LineReader::checked(std::string_view line) {
  if (line.find(ends_ == Ends::cr ? '\n' : '\r') != kNone)
    refuse_line("some lines end with CR alone and others with LF; convert the file, so that every line ends with LF");
  if (line.find('\0') != kNone) refuse_line("holds a null byte; is it text? UTF-16 is to be converted to UTF-8");
  if (options_.content == LineContent::raw) return line;
  if (!is_utf8(line)) refuse_line("not valid UTF-8; convert the file");
  if (is_nfc(line)) return line;
  composed_ = to_nfc(line);
  return composed_;
}

}  // namespace tapehead
