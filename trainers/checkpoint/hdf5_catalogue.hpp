#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tapehead {

/// What an HDF5 file holds, as plain data: what is small is here, what is large is said where it lies in the file.
struct Hdf5Catalogue {
  /// A dataset of float (width 4) or double (width 8) in row-major order, `offset` bytes into the image; among arrays
  /// also of bytes (width 1).
  struct Numbers {
    std::vector<std::uint64_t> dims;
    std::uint64_t width = 0;
    std::uint64_t offset = 0;
  };
  using Attribute = std::variant<std::string, double, std::uint64_t>;

  std::set<std::string> groups;                                        ///< by path, such as /parameters/output
  std::map<std::string, Numbers> numbers;                              ///< by path
  std::map<std::string, std::vector<std::string>> words;               ///< datasets of text, by path
  std::map<std::string, std::map<std::string, Attribute>> attributes;  ///< by path of a group, then by name

  /// The attribute of a group. Throws CheckpointError if there is none, or one of another type.
  template <class T>
  const T& attribute(const std::string& path, const std::string& name) const;
  bool has_attribute(const std::string& path, const std::string& name) const;
  /// All of a group's, which must be of one type. Throws CheckpointError if one is not, or there is no such group.
  template <class T>
  std::map<std::string, T> attributes_of(const std::string& path) const;
};

/// What somebody looks for in a file.
enum class Hdf5Content {
  checkpoint,  ///< numbers, words and attributes, all of which must be of a kind that checkpoints have
  arrays,      ///< numbers, and bytes or truth values; attributes are passed over, whatever they are
};

/// What a file in memory (without its user block) holds. HDF5's library was never made for files that somebody damaged
/// on purpose: it is asked in a confined child process, which can crash, hang or take memory without harm; see
/// answer_of_confined(). Throws CheckpointError, naming the path inside of the file where there is one, for what
/// list_hdf5() refuses, and "HDF5 could not read it" for the rest.
Hdf5Catalogue read_catalogue(std::span<const std::byte> image, Hdf5Content content = Hdf5Content::checkpoint);

/// The child's part: walks the file and writes down what it holds. Takes hard links only, each object once, groups of
/// limited depth; attributes that are one text or one number; datasets of float, double or text whose storage is
/// contiguous, inside of the file and as large as their shape says. Throws CheckpointError for everything else.
std::string list_hdf5(std::span<const std::byte> image, Hdf5Content content = Hdf5Content::checkpoint);

/// The parent's part: reads what the child wrote down, and believes none of it. Throws CheckpointError unless it is a
/// whole listing whose every dataset lies inside of an image of so many bytes.
Hdf5Catalogue catalogue_of_listing(std::string_view listing, std::size_t image_size,
                                   Hdf5Content content = Hdf5Content::checkpoint);

/// How a listing is written: numbers as 8 bytes, text behind its size, one letter before each entry. For the two above.
namespace listing {
constexpr char kGroup = 'g', kNumbers = 'n', kWords = 'w', kAttribute = 'a', kError = 'e', kEnd = 'z';
constexpr char kText = 't', kReal = 'r', kWhole = 'u';
void put(std::string& out, std::uint64_t number);
void put(std::string& out, std::string_view text);
}  // namespace listing

}  // namespace tapehead
