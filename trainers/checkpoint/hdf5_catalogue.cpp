#include "trainers/checkpoint/hdf5_catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "autograd/base/errors.hpp"
#include "trainers/checkpoint/detail/confined.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20U;
constexpr std::uint64_t kMostDims = 4;

[[noreturn]] void refuse() { throw CheckpointError("checkpoint: damaged: HDF5 could not read it; take a copy"); }

// Takes a listing apart. Every number in it may be anything.
class ListingReader {
 public:
  explicit ListingReader(std::string_view text) : text_(text) {}

  char letter() { return take(1).front(); }
  std::uint64_t number() {
    std::uint64_t value = 0;
    std::memcpy(&value, take(sizeof(value)).data(), sizeof(value));
    return value;
  }
  std::string text() { return std::string(take(number())); }
  bool at_end() const { return text_.empty(); }
  std::size_t left() const { return text_.size(); }

 private:
  std::string_view take(std::uint64_t size) {
    if (size > text_.size()) refuse();
    const std::string_view piece = text_.substr(0, size);
    text_.remove_prefix(size);
    return piece;
  }

  std::string_view text_;
};

std::string path_in(ListingReader& reader) {
  std::string path = reader.text();
  if (!path.starts_with('/')) refuse();
  return path;
}

Hdf5Catalogue::Numbers numbers_in(ListingReader& reader, std::size_t image_size, Hdf5Content content) {
  Hdf5Catalogue::Numbers numbers;
  numbers.width = reader.number();
  numbers.offset = reader.number();
  const bool byte = numbers.width == 1 && content == Hdf5Content::arrays;
  if (numbers.width != sizeof(float) && numbers.width != sizeof(double) && !byte) refuse();
  const std::uint64_t rank = reader.number();
  if (rank > kMostDims) refuse();
  std::uint64_t bytes = numbers.width;
  for (std::uint64_t i = 0; i < rank; ++i) {
    numbers.dims.push_back(reader.number());
    if (__builtin_mul_overflow(bytes, numbers.dims.back(), &bytes)) refuse();
  }
  if (bytes > image_size || numbers.offset > image_size - bytes) refuse();
  return numbers;
}

std::vector<std::string> words_in(ListingReader& reader) {
  const std::uint64_t count = reader.number();
  if (count > reader.left() / sizeof(std::uint64_t)) refuse();  // each has its size before it
  std::vector<std::string> words;
  words.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) words.push_back(reader.text());
  return words;
}

Hdf5Catalogue::Attribute attribute_in(ListingReader& reader) {
  switch (reader.letter()) {
    case listing::kText:
      return reader.text();
    case listing::kReal:
      return std::bit_cast<double>(reader.number());
    case listing::kWhole:
      return reader.number();
    default:
      refuse();
  }
}

// As people would write it, however hostile the child that sent it.
[[noreturn]] void pass_on(std::string message) {
  constexpr std::size_t kLongest = 500;
  message.resize(std::min(message.size(), kLongest));
  std::ranges::replace_if(
      message, [](char c) { return c >= 0 && c < ' '; }, ' ');
  throw CheckpointError(message);
}

}  // namespace

namespace listing {

void put(std::string& out, std::uint64_t number) {
  char bytes[sizeof(number)];
  std::memcpy(bytes, &number, sizeof(number));
  out.append(bytes, sizeof(number));
}

void put(std::string& out, std::string_view text) {
  put(out, std::uint64_t{text.size()});
  out.append(text);
}

}  // namespace listing

Hdf5Catalogue catalogue_of_listing(std::string_view text, std::size_t image_size, Hdf5Content content) {
  Hdf5Catalogue catalogue;
  ListingReader reader(text);
  const auto once = [](bool is_new) {
    if (!is_new) refuse();
  };
  for (;;) {
    switch (reader.letter()) {
      case listing::kGroup:
        once(catalogue.groups.insert(path_in(reader)).second);
        break;
      case listing::kNumbers: {
        const std::string path = path_in(reader);
        once(catalogue.numbers.emplace(path, numbers_in(reader, image_size, content)).second);
        break;
      }
      case listing::kWords: {
        const std::string path = path_in(reader);
        once(catalogue.words.emplace(path, words_in(reader)).second);
        break;
      }
      case listing::kAttribute: {
        const std::string path = path_in(reader);
        const std::string name = reader.text();
        once(catalogue.attributes[path].emplace(name, attribute_in(reader)).second);
        break;
      }
      case listing::kError:
        pass_on(reader.text());
      case listing::kEnd:
        if (!reader.at_end()) refuse();
        return catalogue;
      default:
        refuse();
    }
  }
}

Hdf5Catalogue read_catalogue(std::span<const std::byte> image, Hdf5Content content) {
  const auto work = [&] {
    try {
      return list_hdf5(image, content);
    } catch (const CheckpointError& error) {
      std::string answer(1, listing::kError);
      listing::put(answer, std::string_view(error.what()));
      return answer;
    }
  };
  // What a listing repeats of a file is smaller than the file; HDF5 keeps what it reads of words a few times.
  // A good file takes some milliseconds. What a listing repeats of one is smaller than the file; HDF5 keeps what it
  // reads of words a few times.
  const auto megabytes = static_cast<int>(std::min<std::size_t>(image.size() / kMegabyte, 100000));
  const Confinement confinement{.memory = 48 * kMegabyte + 2 * image.size(),
                                .milliseconds = 300 + 10 * megabytes,
                                .answer = kMegabyte + image.size()};
  const std::optional<std::string> answer = answer_of_confined(work, confinement);
  if (!answer) refuse();
  return catalogue_of_listing(*answer, image.size(), content);
}

bool Hdf5Catalogue::has_attribute(const std::string& path, const std::string& name) const {
  const auto object = attributes.find(path);
  return object != attributes.end() && object->second.contains(name);
}

template <class T>
const T& Hdf5Catalogue::attribute(const std::string& path, const std::string& name) const {
  const std::string full = path + (path.ends_with('/') ? "" : "/") + name;
  if (!has_attribute(path, name)) throw CheckpointError(fmt::format("checkpoint: there is no attribute {}", full));
  if (const T* value = std::get_if<T>(&attributes.at(path).at(name))) return *value;
  throw CheckpointError(fmt::format("checkpoint: not of its type: attribute {}", full));
}

template <class T>
std::map<std::string, T> Hdf5Catalogue::attributes_of(const std::string& path) const {
  if (!groups.contains(path)) throw CheckpointError(fmt::format("checkpoint: there is no {}", path));
  std::map<std::string, T> values;
  const auto object = attributes.find(path);
  if (object == attributes.end()) return values;
  for (const auto& [name, value] : object->second) values[name] = attribute<T>(path, name);
  return values;
}

template const std::string& Hdf5Catalogue::attribute(const std::string&, const std::string&) const;
template const double& Hdf5Catalogue::attribute(const std::string&, const std::string&) const;
template const std::uint64_t& Hdf5Catalogue::attribute(const std::string&, const std::string&) const;
template std::map<std::string, std::string> Hdf5Catalogue::attributes_of(const std::string&) const;
template std::map<std::string, double> Hdf5Catalogue::attributes_of(const std::string&) const;

}  // namespace tapehead
