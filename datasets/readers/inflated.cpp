#include "datasets/readers/inflated.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

namespace tapehead {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 16U;
constexpr int kGzip = 15 + 16;  // the largest window, and a gzip header

}  // namespace

struct InflatedFile::Inflater {
  Inflater() {
    if (inflateInit2(&stream, kGzip) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
  bool amid = true;  // a member has begun and not ended
};

InflatedFile::InflatedFile(const std::string& path, std::uint64_t limit) : file_(path), limit_(limit) {
  block_.resize(kBlock);
  block_.resize(file_.read(block_));
  if (block_.starts_with("\x1f\x8b")) inflater_ = std::make_unique<Inflater>();
}

InflatedFile::~InflatedFile() = default;

std::size_t InflatedFile::read(std::span<char> into) {
  while (!into.empty()) {
    if (begin_ == block_.size()) {
      block_.resize(kBlock);
      begin_ = 0;
      block_.resize(file_.read(block_));
      if (block_.empty()) {
        if (inflater_ && inflater_->amid) throw DataError(fmt::format("{}: the compressed data are cut off", name()));
        return 0;
      }
    }
    const std::size_t left = block_.size() - begin_;
    if (!inflater_) {
      const std::size_t count = std::min(left, into.size());
      std::copy_n(block_.data() + begin_, count, into.data());
      begin_ += count;
      return count;
    }
    z_stream& stream = inflater_->stream;
    if (!inflater_->amid) {  // another member
      inflateReset(&stream);
      inflater_->amid = true;
    }
    stream.next_in = reinterpret_cast<Bytef*>(block_.data() + begin_);
    stream.avail_in = static_cast<uInt>(left);
    stream.next_out = reinterpret_cast<Bytef*>(into.data());
    stream.avail_out = static_cast<uInt>(std::min(into.size(), kBlock));
    const uInt room = stream.avail_out;
    const int status = inflate(&stream, Z_NO_FLUSH);
    begin_ = block_.size() - stream.avail_in;
    const std::size_t count = room - stream.avail_out;
    if (status == Z_STREAM_END) {
      inflater_->amid = false;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw DataError(
          fmt::format("{}: the compressed data are damaged ({})", name(), stream.msg != nullptr ? stream.msg : "zlib"));
    }
    given_ += count;
    if (given_ > limit_) {
      throw DataError(fmt::format("{}: becomes more than {} bytes when it is decompressed", name(), limit_));
    }
    if (count > 0) return count;
  }
  return 0;
}

}  // namespace tapehead
