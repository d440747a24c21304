// HDF5 files that somebody made to do harm: each is refused, by name where it has one.
#include "trainers/checkpoint/hdf5_catalogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "trainers/checkpoint/detail/hdf5_image.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<std::byte> image_of(const Hdf5Image& file) { return file.bytes(); }

class Catalogue : public testing::Test {
 protected:
  Catalogue() { fs::create_directories(folder_); }
  ~Catalogue() override { fs::remove_all(folder_); }

  // A file that HDF5 itself makes; `make` is given the open file.
  std::vector<std::byte> made(const std::function<void(hid_t)>& make) const {
    const std::string path = folder_ + "/made.h5";
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const float one = 1;
    put(file, "plain", H5P_DEFAULT, &one);
    make(file);
    H5Fclose(file);
    std::ifstream in(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
    return {begin, begin + bytes.size()};
  }

  static void put(hid_t file, const char* name, hid_t creation, const void* values, hsize_t size = 1) {
    const hid_t space = H5Screate_simple(1, &size, nullptr);
    const hid_t dataset = H5Dcreate2(file, name, H5T_NATIVE_FLOAT, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    ASSERT_GE(dataset, 0) << name;
    if (values != nullptr) H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(dataset);
    H5Sclose(space);
  }

  static void refused(const std::vector<std::byte>& image, const std::string& message) {
    EXPECT_THAT([&] { read_catalogue(image); }, ThrowsMessage<CheckpointError>(HasSubstr(message)));
  }

  std::string folder_ = (fs::temp_directory_path() / ("tapehead_catalogue" + std::to_string(::getpid()))).string();
};

TEST_F(Catalogue, SaysWhatIsThere) {
  Hdf5Image file;
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const std::vector<double> exact{0.5};
  const std::vector<std::string> words{"a", "ъгъл", ""};
  file.write("/deep/er/table", std::vector<std::uint64_t>{2, 3}, values.data());
  file.write("/exact", std::vector<std::uint64_t>{1}, exact.data());
  file.write("/none", std::vector<std::uint64_t>{0}, values.data());
  file.write_words("/words", words);
  file.write_words("/no_words", {});
  file.set_attribute("/", "text", std::string("line\nline"));
  file.set_attribute("/deep", "real", 0.1);
  file.set_attribute("/deep", "count", std::uint64_t{1} << 63U);
  const std::vector<std::byte> image = image_of(file);

  const Hdf5Catalogue catalogue = read_catalogue(image);
  EXPECT_EQ(catalogue.groups, (std::set<std::string>{"/", "/deep", "/deep/er"}));
  const Hdf5Catalogue::Numbers& table = catalogue.numbers.at("/deep/er/table");
  EXPECT_EQ(table.dims, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(table.width, 4U);
  EXPECT_EQ(std::memcmp(image.data() + table.offset, values.data(), 24), 0);
  EXPECT_EQ(catalogue.numbers.at("/exact").width, 8U);
  EXPECT_EQ(std::memcmp(image.data() + catalogue.numbers.at("/exact").offset, exact.data(), 8), 0);
  EXPECT_EQ(catalogue.numbers.at("/none").dims, std::vector<std::uint64_t>{0});
  EXPECT_EQ(catalogue.words.at("/words"), words);
  EXPECT_TRUE(catalogue.words.at("/no_words").empty());
  EXPECT_EQ(catalogue.attribute<std::string>("/", "text"), "line\nline");
  EXPECT_EQ(catalogue.attribute<double>("/deep", "real"), 0.1);
  EXPECT_EQ(catalogue.attribute<std::uint64_t>("/deep", "count"), std::uint64_t{1} << 63U);
  EXPECT_THAT([&] { catalogue.attribute<double>("/", "text"); },
              ThrowsMessage<CheckpointError>(HasSubstr("not of its type: attribute /text")));
  EXPECT_THAT([&] { catalogue.attribute<double>("/deep", "no"); },
              ThrowsMessage<CheckpointError>(HasSubstr("there is no attribute /deep/no")));
}

// Weights would be read from any file that its reader may read.
TEST_F(Catalogue, StorageOutsideOfTheFileIsRefused) {
  std::ofstream(folder_ + "/secret") << "secrets!";
  const std::string secret = folder_ + "/secret";
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& other : {secret, pipe}) {
    refused(made([&](hid_t file) {
              const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
              H5Pset_external(creation, other.c_str(), 0, 4);
              put(file, "external", creation, nullptr);
              H5Pclose(creation);
            }),
            "not stored in one piece within the file: /external");
  }
}

TEST_F(Catalogue, LinksToOtherPlacesAreRefused) {
  const std::string other = folder_ + "/other.h5";
  H5Fclose(H5Fcreate(other.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  const char* const message = "links to other places or files are not followed: /link";
  refused(made([&](hid_t file) { H5Lcreate_external(other.c_str(), "/", file, "link", H5P_DEFAULT, H5P_DEFAULT); }),
          message);
  refused(made([&](hid_t file) { H5Lcreate_soft("/plain", file, "link", H5P_DEFAULT, H5P_DEFAULT); }), message);
  refused(made([&](hid_t file) { H5Lcreate_hard(file, "/plain", file, "link", H5P_DEFAULT, H5P_DEFAULT); }),
          "one object has two names: /");
}

// A group that holds itself twice over has more paths than there are atoms.
TEST_F(Catalogue, CyclesAndDepthEnd) {
  refused(made([&](hid_t file) {
            const hid_t group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
            H5Lcreate_hard(file, "/group", group, "again", H5P_DEFAULT, H5P_DEFAULT);
            H5Gclose(group);
          }),
          "one object has two names: /group/again");
  refused(made([&](hid_t file) {
            std::string path;
            for (int i = 0; i < 40; ++i) {
              path += "/g";
              H5Gclose(H5Gcreate2(file, path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
            }
          }),
          "groups lie too deep");
}

TEST_F(Catalogue, OtherLayoutsAreRefused) {
  const std::vector<float> values(8, 1.0F);
  const auto with_layout = [&](const std::function<void(hid_t)>& choose) {
    return made([&](hid_t file) {
      const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
      choose(creation);
      put(file, "other", creation, values.data(), values.size());
      H5Pclose(creation);
    });
  };
  const char* const message = "not stored in one piece within the file: /other";
  const hsize_t chunk = 4;
  refused(with_layout([&](hid_t creation) { H5Pset_chunk(creation, 1, &chunk); }), message);
  refused(with_layout([&](hid_t creation) { H5Pset_layout(creation, H5D_COMPACT); }), message);
  refused(made([&](hid_t file) {
            const hsize_t size = 8;
            const hid_t space = H5Screate_simple(1, &size, nullptr);
            const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
            H5Pset_virtual(creation, space, (folder_ + "/other.h5").c_str(), "/x", space);
            put(file, "other", creation, nullptr, size);
            H5Pclose(creation);
            H5Sclose(space);
          }),
          message);
}

// A shape without numbers: HDF5 would make up terabytes of fill values.
TEST_F(Catalogue, AShapeWithoutItsNumbersIsRefused) {
  refused(made([&](hid_t file) { put(file, "huge", H5P_DEFAULT, nullptr, hsize_t{1} << 40U); }),
          "its storage is not what its shape needs: /huge");
}

TEST_F(Catalogue, OtherTypesAndObjectsAreRefused) {
  refused(made([&](hid_t file) {
            const hid_t type = H5Tcopy(H5T_NATIVE_INT);
            H5Tcommit2(file, "type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
            H5Tclose(type);
          }),
          "neither a group nor a dataset: /type");
  const auto with_attribute = [&](hid_t type, hsize_t count) {
    return made([&](hid_t file) {
      const hid_t space = H5Screate_simple(1, &count, nullptr);
      H5Aclose(H5Acreate2(file, "many", type, space, H5P_DEFAULT, H5P_DEFAULT));
      H5Sclose(space);
    });
  };
  refused(with_attribute(H5T_NATIVE_DOUBLE, 2), "not of its type: attribute /many");
  refused(with_attribute(H5T_NATIVE_LDOUBLE, 1), "not of its type: attribute /many");
  const hid_t fixed = H5Tcopy(H5T_C_S1);
  H5Tset_size(fixed, 10);
  refused(with_attribute(fixed, 1), "not of its type: attribute /many");
  H5Tclose(fixed);
}

TEST_F(Catalogue, WhatIsNoHdf5IsRefused) {
  refused({}, "checkpoint: ");
  refused(std::vector<std::byte>(3000, std::byte{7}), "checkpoint: ");
}

// Few bytes that say much: each of a million words is the same long one.
TEST_F(Catalogue, TextThatRepeatsALongOneIsRefusedInLittleMemory) {
  std::vector<std::string> words(20000, "word");
  words[0] = std::string(60000, 'x');
  Hdf5Image file;
  file.write_words("/words", words);
  std::vector<std::byte> image = image_of(file);
  // References are 16 bytes, one after the other: a length, an address, a number.
  const std::uint32_t length = 60000;
  std::byte pattern[4];
  std::memcpy(pattern, &length, 4);
  auto at = image.begin();
  int repeated = 0;
  for (; at != image.end(); at += 4) {
    at = std::search(at, image.end(), std::begin(pattern), std::end(pattern));
    if (at == image.end() || image.end() - at < 16 * 20000) break;
    for (int i = 1; i < 20000; ++i) std::copy(at, at + 16, at + 16 * i);
    ++repeated;
  }
  ASSERT_GE(repeated, 1);
  refused(image, "checkpoint: ");
}

// Whatever the child sends: an error, or datasets inside of the file.
TEST_F(Catalogue, NoListingIsBelieved) {
  Hdf5Image file;
  const std::vector<float> values(6, 1.0F);
  file.write("/table", std::vector<std::uint64_t>{2, 3}, values.data());
  file.write_words("/words", std::vector<std::string>{"a", "b"});
  file.set_attribute("/", "text", std::string("x"));
  file.set_attribute("/", "real", 1.5);
  const std::vector<std::byte> image = image_of(file);
  const std::string listing = list_hdf5(image);
  EXPECT_NO_THROW(catalogue_of_listing(listing, image.size()));
  for (std::size_t size = 0; size < listing.size(); ++size) {
    EXPECT_THROW(catalogue_of_listing(listing.substr(0, size), image.size()), CheckpointError) << size;
  }
  EXPECT_THROW(catalogue_of_listing(listing + "z", image.size()), CheckpointError);
  EXPECT_THROW(catalogue_of_listing(listing.substr(0, listing.size() - 1) + listing, image.size()), CheckpointError)
      << "every path twice";
  EXPECT_THROW(catalogue_of_listing(listing, 100), CheckpointError) << "the table lies behind the end";
  const RandomStream random(1, Purpose::test);
  int taken = 0;
  for (std::uint32_t i = 0; i < 20000; ++i) {
    std::string changed = listing;
    changed[random.below(listing.size(), i)] = static_cast<char>(random.below(256, i, 1));
    try {
      const Hdf5Catalogue catalogue = catalogue_of_listing(changed, image.size());
      ++taken;
      for (const auto& [path, numbers] : catalogue.numbers) {
        std::uint64_t bytes = numbers.width;
        for (const std::uint64_t dim : numbers.dims) bytes *= dim;
        ASSERT_LE(bytes, image.size());
        ASSERT_LE(numbers.offset, image.size() - bytes);
      }
    } catch (const CheckpointError&) {
    }
  }
  EXPECT_GT(taken, 0);
  EXPECT_LT(taken, 20000);
}

}  // namespace
}  // namespace tapehead
