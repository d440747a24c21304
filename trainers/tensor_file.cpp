#include "trainers/tensor_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "autograd/base/errors.hpp"
#include "autograd/base/file.hpp"
#include "autograd/base/output_file.hpp"
#include "trainers/checkpoint/detail/hdf5_image.hpp"
#include "trainers/checkpoint/hdf5_catalogue.hpp"

namespace tapehead {
namespace {

// The readers of HDF5 say whose file it usually is.
std::string without_owner(std::string message) {
  for (const std::string_view begin : {"checkpoint: damaged: ", "checkpoint: "}) {
    if (message.starts_with(begin)) message.erase(0, begin.size());
  }
  return message;
}

// With the advice that helps most often.
std::string advised(const std::string& message) {
  if (message.find("HDF5 content") != std::string::npos) return "cannot be read: HDF5 finds it damaged or cut off";
  if (message.find("one piece") != std::string::npos) return message + "; write it without chunks or compression";
  if (message.find("not of its type") != std::string::npos)
    return message + "; write float, double, bytes or truth values";
  return message;
}

template <class T>
void append(std::vector<double>& values, const std::byte* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    values.push_back(static_cast<double>(value));
  }
}

Tensor tensor_of(std::span<const std::byte> image, const Hdf5Catalogue::Numbers& stored) {
  Tensor tensor{{stored.dims.begin(), stored.dims.end()}, {}};
  std::size_t count = 1;
  for (const std::uint64_t dim : stored.dims) count *= dim;
  tensor.values.reserve(count);
  const std::byte* from = image.data() + stored.offset;
  if (stored.width == sizeof(double)) {
    append<double>(tensor.values, from, count);
  } else if (stored.width == sizeof(float)) {
    append<float>(tensor.values, from, count);
  } else {
    append<std::uint8_t>(tensor.values, from, count);
  }
  return tensor;
}

}  // namespace

std::string shape_text(const Tensor& tensor) { return fmt::format("({})", fmt::join(tensor.shape, ", ")); }

Tensors read_tensors(const std::string& path) {
  const std::string bytes = read_file(path);
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  // Some programs leave room before the file: a power of two, from 512 on.
  std::size_t begin = 0;
  while (begin < bytes.size() && !std::string_view(bytes).substr(begin).starts_with(kSignature)) {
    begin = begin == 0 ? Hdf5Image::kUserBlock : 2 * begin;
  }
  if (begin >= bytes.size()) throw DataError(fmt::format("{}: not an HDF5 file", path));
  const auto image = std::as_bytes(std::span(bytes)).subspan(begin);
  try {
    const Hdf5Catalogue catalogue = read_catalogue(image, Hdf5Content::arrays);
    Tensors tensors;
    for (const auto& [name, stored] : catalogue.numbers) tensors.emplace(name.substr(1), tensor_of(image, stored));
    return tensors;
  } catch (const CheckpointError& error) {
    throw DataError(fmt::format("{}: {}", path, advised(without_owner(error.what()))));
  }
}

void write_tensors(const std::string& path, const Tensors& tensors) {
  Hdf5Image file;
  for (const auto& [name, tensor] : tensors) {
    const std::vector<std::uint64_t> dims(tensor.shape.begin(), tensor.shape.end());
    file.write("/" + name, std::span(dims), tensor.values.data());
  }
  const std::vector<std::byte> image = file.bytes();
  std::string bytes(Hdf5Image::kUserBlock, '\0');
  bytes.append(reinterpret_cast<const char*>(image.data()), image.size());
  write_file(path, bytes);
}

}  // namespace tapehead
