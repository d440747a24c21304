#pragma once

#include <memory>
#include <string>

#include "autograd/base/file.hpp"

namespace tapehead {

/// The bytes of a file, decompressed where it is a gzip file (RFC 1952), of one member or several. It holds some blocks
/// of them in memory, however large the file becomes. Throws DataError, naming the file, for compressed data that are
/// damaged or cut off, and where they become more than `limit` bytes.
class InflatedFile final : public ByteSource {
 public:
  InflatedFile(const std::string& path, std::uint64_t limit);
  ~InflatedFile() override;

  std::size_t read(std::span<char> into) override;
  const std::string& name() const override { return file_.name(); }

 private:
  struct Inflater;

  InputFile file_;
  std::uint64_t limit_, given_ = 0;
  std::string block_;                   // what was read of the file
  std::size_t begin_ = 0;               // of what is not used yet
  std::unique_ptr<Inflater> inflater_;  // of a gzip file
};

}  // namespace tapehead
