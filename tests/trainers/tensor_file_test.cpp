#include "trainers/tensor_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <fstream>
#include <limits>

#include "autograd/base/errors.hpp"
#include "tests/support/folder.hpp"

namespace tapehead {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TensorFile : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path(name); }

  // A file that others might have written, with one dataset of 2 × 3.
  template <class T>
  std::string written(hid_t type, const std::vector<T>& values, hid_t creation = H5P_DEFAULT) {
    const std::string name = path("given.h5");
    const hid_t file = H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hsize_t dims[] = {2, 3};
    const hid_t space = H5Screate_simple(2, dims, nullptr);
    const hid_t dataset = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    // What other programs leave, and nobody asks for.
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 5);
    const hid_t one = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(dataset, "note", text, one, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, text, "about");
    H5Aclose(attribute);
    H5Sclose(one);
    H5Tclose(text);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Fclose(file);
    return name;
  }

  std::string refusal(const std::string& name) {
    try {
      read_tensors(name);
    } catch (const Error& error) {
      return error.what();
    }
    return "taken";
  }

 private:
  ScratchFolder folder_;
};

TEST_F(TensorFile, WhatIsWrittenIsReadToTheBit) {
  Tensors tensors;
  tensors["q"] = {{1, 2, 1, 3}, {1.5, -2, 1e-300, 4, 5, std::numeric_limits<double>::infinity()}};
  tensors["upstream/context"] = {{2}, {7, 8}};
  tensors["number"] = {{}, {0.1}};
  write_tensors(path("a.h5"), tensors);
  const Tensors read = read_tensors(path("a.h5"));
  ASSERT_EQ(read.size(), 3U);
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(read.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(read.at(name).values, tensor.values) << name;
  }
  EXPECT_EQ(shape_text(tensors["q"]), "(1, 2, 1, 3)");
}

TEST_F(TensorFile, TakesFloatsDoublesAndBytesOfOthers) {
  EXPECT_THAT(read_tensors(written<float>(H5T_NATIVE_FLOAT, {1, 2, 3, 4, 5, 6.5})).at("x").values,
              ElementsAre(1, 2, 3, 4, 5, 6.5));
  EXPECT_THAT(read_tensors(written<double>(H5T_NATIVE_DOUBLE, {1, 2, 3, 4, 5, 0.1})).at("x").shape, ElementsAre(2, 3));
  EXPECT_THAT(read_tensors(written<std::uint8_t>(H5T_NATIVE_UINT8, {0, 1, 0, 1, 1, 255})).at("x").values,
              ElementsAre(0, 1, 0, 1, 1, 255));
  // Truth values as NumPy's are written.
  const hid_t truth = H5Tenum_create(H5T_NATIVE_INT8);
  std::int8_t value = 0;
  H5Tenum_insert(truth, "FALSE", &value);
  value = 1;
  H5Tenum_insert(truth, "TRUE", &value);
  EXPECT_THAT(read_tensors(written<std::int8_t>(truth, {0, 1, 1, 0, 0, 1})).at("x").values,
              ElementsAre(0, 1, 1, 0, 0, 1));
  H5Tclose(truth);
}

TEST_F(TensorFile, RefusesTheRestByName) {
  EXPECT_THAT(refusal(written<std::int64_t>(H5T_NATIVE_INT64, {1, 2, 3, 4, 5, 6})),
              HasSubstr("given.h5: not of its type: /x; write float, double, bytes or truth values"));
  const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t chunk[] = {1, 3};
  H5Pset_chunk(chunked, 2, chunk);
  EXPECT_THAT(refusal(written<double>(H5T_NATIVE_DOUBLE, {1, 2, 3, 4, 5, 6}, chunked)),
              HasSubstr("/x; write it without chunks or compression"));
  H5Pclose(chunked);
  std::ofstream(path("text.h5")) << "q = 1\n";
  EXPECT_EQ(refusal(path("text.h5")), path("text.h5") + ": not an HDF5 file");
  std::ofstream(path("half.h5")) << "\x89HDF\r\n\x1a\nnothing";
  EXPECT_THAT(refusal(path("half.h5")), HasSubstr("half.h5: cannot be read"));
  EXPECT_THAT(refusal(path("none.h5")), HasSubstr("none.h5"));
}

}  // namespace
}  // namespace tapehead
