#include "trainers/checkpoint/checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/kernels/blas.hpp"
#include "layers/models/model.hpp"
#include "trainers/checkpoint/detail/hdf5_image.hpp"
#include "trainers/checkpoint/detail/sealed_file.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::ThrowsMessage;

ModelConfig config_of(std::int64_t d_model) {
  return {.layers = 1,
          .heads = 2,
          .d_model = d_model,
          .d_ff = 6,
          .max_positions = 8,
          .source_vocabulary = 7,
          .target_vocabulary = 9};
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

class Checkpoint : public testing::Test {
 protected:
  Checkpoint() : model_(config_of(4)), parameters_(model_.layout()), optimizer_({}, model_.layout()) {
    fs::create_directories(folder_);
    parameters_.initialise(3);
    for (Moment<float>& moment : optimizer_.moments()) {
      for (std::int64_t i = 0; i < moment.values.size(); ++i) moment.values.data()[i] = static_cast<float>(i) + 0.5F;
    }
  }
  ~Checkpoint() override { fs::remove_all(folder_); }

  void save() const { save_checkpoint(path_, meta_, parameters_, optimizer_); }

  std::string folder_ = (fs::temp_directory_path() / ("tapehead_checkpoint" + std::to_string(::getpid()))).string();
  std::string path_ = folder_ + "/checkpoint.h5";
  Model model_;
  ParameterStore<float> parameters_;
  Optimizer<float> optimizer_;
  CheckpointMeta meta_{.config = "task = copy\n",
                       .step = 17,
                       .source_vocabulary = {"a", "ъгъл", "c"},
                       .target_vocabulary = {"w1", "w2", "w3", "w4", "w5"},
                       .numbers = {{"loss_sum", 0.1}, {"loss_count", 3}},
                       .texts = {{"data_digest", "00ff"}}};
};

TEST_F(Checkpoint, RoundTripKeepsEveryBit) {
  save();
  const CheckpointReader reader(path_);
  EXPECT_EQ(reader.meta().config, meta_.config);
  EXPECT_EQ(reader.meta().step, 17U);
  EXPECT_EQ(reader.meta().source_vocabulary, meta_.source_vocabulary);
  EXPECT_EQ(reader.meta().target_vocabulary, meta_.target_vocabulary);
  EXPECT_EQ(reader.meta().numbers, meta_.numbers);
  EXPECT_EQ(reader.meta().texts, meta_.texts);
  EXPECT_THAT(reader.origin().created_by, testing::StartsWith("tapehead "));
  EXPECT_EQ(reader.origin().blas_library, blas_info().library);
  EXPECT_EQ(reader.origin().blas_kernel, blas_info().kernel);

  ParameterStore<float> loaded(model_.layout());
  Optimizer<float> optimizer({}, model_.layout());
  const float* memory = loaded.values().data();
  reader.load(loaded, optimizer);
  EXPECT_EQ(loaded.values().data(), memory);
  EXPECT_EQ(parameter_digest(loaded), parameter_digest(parameters_));
  for (const ParameterRange& range : model_.layout().ranges()) {
    for (std::int64_t i = range.offset; i < range.offset + range.shape.size(); ++i) {
      ASSERT_EQ(optimizer.moments()[1].values.data()[i], optimizer_.moments()[1].values.data()[i]);
    }
  }
}

TEST_F(Checkpoint, DoubleRoundTripAndOtherPrecisionIsRefused) {
  ParameterStore<double> exact(model_.layout());
  exact.initialise(3);
  save_checkpoint(path_, meta_, exact, Optimizer<double>({}, model_.layout()));
  ParameterStore<double> loaded(model_.layout());
  const CheckpointReader reader(path_);
  reader.load(loaded);
  EXPECT_EQ(parameter_digest(loaded), parameter_digest(exact));
  EXPECT_THAT([&] { reader.load(parameters_); }, ThrowsMessage<CheckpointError>(HasSubstr("of another precision")));
}

TEST_F(Checkpoint, EqualStateGivesEqualBytes) {
  save();
  const std::string first = read_file(path_);
  fs::remove(path_);
  save();
  EXPECT_EQ(read_file(path_), first);
}

// Else equal state would give equal bytes within the same second only.
TEST_F(Checkpoint, KeepsNoTimes) {
  save();
  const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  int objects = 0;
  const auto visit = [](hid_t, const char* name, const H5O_info_t* info, void* count) -> herr_t {
    EXPECT_EQ(info->ctime, 0) << name;
    EXPECT_EQ(info->mtime, 0) << name;
    ++*static_cast<int*>(count);
    return 0;
  };
  EXPECT_GE(H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, visit, &objects), 0);
  EXPECT_GT(objects, 50);
  H5Fclose(file);
}

// HDF5 takes files in memory of one name for one file.
TEST_F(Checkpoint, SeveralAreOpenAtOnce) {
  save();
  const std::string first = parameter_digest(parameters_);
  const CheckpointReader reader(path_);
  parameters_.initialise(4);
  meta_.step = 18;
  const std::string second_path = folder_ + "/second.h5";
  save_checkpoint(second_path, meta_, parameters_, optimizer_);
  const CheckpointReader second(second_path);

  EXPECT_EQ(reader.meta().step, 17U);
  EXPECT_EQ(second.meta().step, 18U);
  ParameterStore<float> loaded(model_.layout());
  second.load(loaded);
  EXPECT_EQ(parameter_digest(loaded), parameter_digest(parameters_));
  reader.load(loaded);
  EXPECT_EQ(parameter_digest(loaded), first);
}

// HDF5 opens no image under the name of a file that is there.
TEST_F(Checkpoint, FilesInTheWorkingFolderAreNotInTheWay) {
  save();
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  for (int i = 0; i < 100; ++i) write_file("memory " + std::to_string(i), "mine");
  EXPECT_NO_THROW(CheckpointReader{path_});
  EXPECT_NO_THROW(save());
  EXPECT_EQ(read_file("memory 99"), "mine");
  fs::current_path(before);
}

// What h5py or h5ls would see: plain HDF5, the shapes of a row-major reader.
TEST_F(Checkpoint, AnyReaderSeesNamesAndShapes) {
  save();
  const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  const auto shape_of = [&](const char* name) {
    const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    std::vector<hsize_t> dims(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space)));
    H5Sget_simple_extent_dims(space, dims.data(), nullptr);
    H5Sclose(space);
    H5Dclose(dataset);
    return dims;
  };
  using Dims = std::vector<hsize_t>;
  EXPECT_EQ(shape_of("/parameters/encoder/layers/0/feed_forward/inner/weight"), (Dims{6, 4}));  // (out, in)
  EXPECT_EQ(shape_of("/parameters/encoder/layers/0/self_attention/query/bias"), Dims{4});
  EXPECT_EQ(shape_of("/parameters/source_embedding/weight"), (Dims{7, 4}));  // (V, C)
  EXPECT_EQ(shape_of("/optimizer/adam/first_moment/output/weight"), (Dims{9, 4}));
  EXPECT_EQ(shape_of("/vocabulary/source"), Dims{3});

  // Row o of the (out, in) matrix is what output o multiplies.
  const hid_t dataset = H5Dopen2(file, "/parameters/output/weight", H5P_DEFAULT);
  std::vector<float> rows(36);
  H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data());
  H5Dclose(dataset);
  H5Fclose(file);
  const auto weight = parameters_.values(*model_.layout().find("output.weight"));
  for (std::size_t out = 0; out < 9; ++out) {
    for (std::size_t in = 0; in < 4; ++in) EXPECT_EQ(rows[out * 4 + in], weight[in + out * 4]);
  }
}

TEST_F(Checkpoint, DamageIsOneErrorWhateverItIs) {
  save();
  const std::string whole = read_file(path_);
  const RandomStream random(1, Purpose::test);
  for (std::uint32_t i = 0; i < 300; ++i) {
    std::string damaged = whole;
    damaged[random.below(whole.size(), i)] ^= static_cast<char>(1U << random.below(8, i, 1));
    write_file(path_, damaged);
    EXPECT_THROW(CheckpointReader{path_}, CheckpointError) << i;
  }
  for (std::uint32_t i = 0; i < 100; ++i) {
    write_file(path_, whole.substr(0, random.below(whole.size(), i, 2)));
    EXPECT_THROW(CheckpointReader{path_}, CheckpointError) << i;
  }
  write_file(path_, whole + "x");
  EXPECT_THROW(CheckpointReader{path_}, CheckpointError);
}

TEST_F(Checkpoint, ForeignFilesAreNamedAsSuch) {
  EXPECT_THAT([&] { CheckpointReader{path_}; }, ThrowsMessage<CheckpointError>(HasSubstr("cannot be opened")));
  EXPECT_THAT([&] { CheckpointReader{folder_}; }, ThrowsMessage<CheckpointError>(HasSubstr("is a folder, not a file")));
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT([&] { CheckpointReader{pipe}; }, ThrowsMessage<CheckpointError>(HasSubstr("is a pipe, not a file")));
  write_file(path_, "");
  EXPECT_THAT([&] { CheckpointReader{path_}; }, ThrowsMessage<CheckpointError>(HasSubstr("is empty")));
  for (const std::string& content : {std::string(5000, 'x'), std::string("tapehead checkpoint\n")}) {
    write_file(path_, content);
    EXPECT_THAT([&] { CheckpointReader{path_}; },
                ThrowsMessage<CheckpointError>(HasSubstr("is not a tapehead checkpoint")));
  }
  // Whole, sealed, and no HDF5 inside.
  const std::vector<std::byte> noise(3000, std::byte{7});
  write_sealed(path_, noise);
  EXPECT_THROW(CheckpointReader{path_}, CheckpointError);
}

// Whole and sealed HDF5 that some other program, or a later one, might have written.
TEST_F(Checkpoint, OtherFormatsAndVersionsAreNamedAsSuch) {
  const auto refused = [&](const Hdf5Image& file, const std::string& message) {
    write_sealed(path_, file.bytes());
    EXPECT_THAT([&] { CheckpointReader{path_}; },
                ThrowsMessage<CheckpointError>(testing::AllOf(HasSubstr(message), HasSubstr(path_))));
  };
  Hdf5Image file;
  refused(file, "there is no attribute /format");
  file.set_attribute("/", "format", std::string("tapehead-checkpoint"));
  refused(file, "there is no attribute /version");
  file.set_attribute("/", "version", std::uint64_t{2});
  refused(file, "of version 2, this program reads version 1");

  Hdf5Image other;
  other.set_attribute("/", "format", std::string("keras"));
  refused(other, "not a tapehead checkpoint");

  Hdf5Image mistyped;
  mistyped.set_attribute("/", "format", 1.5);
  refused(mistyped, "not of its type: attribute /format");
}

TEST(CounterIn, TakesWhatCountsSomething) {
  const std::map<std::string, double> numbers{
      {"three", 3}, {"half", 0.5}, {"less", -1}, {"nan", std::nan("")}, {"huge", 1e300}};
  EXPECT_EQ(counter_in(numbers, "three"), 3);
  EXPECT_EQ(counter_in(numbers, "absent"), 0);
  for (const char* name : {"half", "less", "nan", "huge"}) {
    EXPECT_THAT([&] { counter_in(numbers, name); }, ThrowsMessage<CheckpointError>(HasSubstr("counts nothing")))
        << name;
  }
}

TEST_F(Checkpoint, AStepBeyondAllIsRefused) {
  meta_.step = std::uint64_t{1} << 63U;
  save();
  EXPECT_THAT([&] { CheckpointReader{path_}; },
              ThrowsMessage<CheckpointError>(HasSubstr("is further than training goes")));
}

TEST_F(Checkpoint, AnotherOptimizersMomentsAreRefused) {
  save();
  Optimizer<float> other({.kind = "adamw"}, model_.layout());
  const std::string before = parameter_digest(parameters_);
  EXPECT_THAT([&] { CheckpointReader(path_).load(parameters_, other); },
              ThrowsMessage<CheckpointError>(HasSubstr("there is no /optimizer/adamw/first_moment")));
  EXPECT_EQ(parameter_digest(parameters_), before);
}

TEST_F(Checkpoint, AnotherModelsParametersAreRefusedByName) {
  save();
  const Model wider(config_of(6));
  ParameterStore<float> other(wider.layout());
  other.initialise(5);
  const std::string before = parameter_digest(other);
  const CheckpointReader reader(path_);
  EXPECT_THAT([&] { reader.load(other); },
              ThrowsMessage<CheckpointError>(testing::AllOf(
                  HasSubstr("shape differs of /parameters/source_embedding/weight: (7, 4) is stored, (7, 6) is needed"),
                  HasSubstr(path_))));
  EXPECT_EQ(parameter_digest(other), before);

  ModelConfig deeper = config_of(4);
  deeper.layers = 2;
  const Model two(deeper);
  ParameterStore<float> more(two.layout());
  EXPECT_THAT([&] { reader.load(more); }, ThrowsMessage<CheckpointError>(HasSubstr("is missing")));
  save_checkpoint(path_, meta_, more, Optimizer<float>({}, two.layout()));
  EXPECT_THAT([&] { CheckpointReader(path_).load(parameters_); },
              ThrowsMessage<CheckpointError>(HasSubstr("/parameters/decoder/layers/1/")));

  ModelConfig alone = config_of(4);
  alone.model = "decoder";
  const Model single(alone);
  ParameterStore<float> fewer(single.layout());
  EXPECT_THROW(reader.load(fewer), CheckpointError);
}

TEST_F(Checkpoint, NumbersThatAreNotFiniteAreNotSaved) {
  save();
  const std::string good = read_file(path_);
  const std::int64_t at = model_.layout().find("output.weight")->offset + 5;
  const auto refused = [&](float& place, float value, const std::string& message) {
    const float kept = std::exchange(place, value);
    EXPECT_THAT([&] { save(); }, ThrowsMessage<CheckpointError>(HasSubstr(message)));
    place = kept;
    EXPECT_EQ(read_file(path_), good);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  refused(parameters_.values().data()[at], nan, "a number of /parameters/output/weight is not finite");
  refused(optimizer_.moments()[0].values.data()[at], -infinity,
          "a number of /optimizer/adam/first_moment/output/weight is not finite");
  refused(optimizer_.moments()[1].values.data()[at], -1, "/second_moment/output/weight is negative");
}

// As somebody might forge them, with the digest made anew.
TEST_F(Checkpoint, NumbersThatAreNotFiniteAreNotLoaded) {
  save();
  const auto forge = [&](const char* dataset, float value) {
    save();
    const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t id = H5Dopen2(file, dataset, H5P_DEFAULT);
    std::vector<float> values(36, 0.5F);
    values[7] = value;
    ASSERT_GE(H5Dwrite(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    H5Dclose(id);
    H5Fclose(file);
    const std::string bytes = read_file(path_).substr(512);
    write_sealed(path_, std::as_bytes(std::span(bytes)));
  };
  const std::string before = parameter_digest(parameters_);
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    forge("/parameters/output/weight", value);
    EXPECT_THAT([&] { CheckpointReader(path_).load(parameters_); },
                ThrowsMessage<CheckpointError>(testing::AllOf(
                    HasSubstr("a number of /parameters/output/weight is not finite"), HasSubstr(path_))));
    forge("/optimizer/adam/first_moment/output/weight", value);
    EXPECT_THAT([&] { CheckpointReader(path_).load(parameters_, optimizer_); },
                ThrowsMessage<CheckpointError>(HasSubstr("first_moment/output/weight is not finite")));
    EXPECT_EQ(parameter_digest(parameters_), before);
    EXPECT_NO_THROW(CheckpointReader(path_).load(parameters_)) << "its weights are well";
  }
  forge("/optimizer/adam/second_moment/output/weight", -1e-9F);
  EXPECT_THAT([&] { CheckpointReader(path_).load(parameters_, optimizer_); },
              ThrowsMessage<CheckpointError>(HasSubstr("second_moment/output/weight is negative")));
}

TEST_F(Checkpoint, FailedWriteLeavesTheOldOne) {
  save();
  const std::string old = read_file(path_);
  const pid_t child = ::fork();
  if (child == 0) {  // a full disk, as far as a process can have one
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2000, 2000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      save();
    } catch (const CheckpointError&) {
      ::_exit(42);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_EQ(read_file(path_), old);
  EXPECT_FALSE(fs::exists(path_ + ".new"));

  fs::remove_all(folder_);
  EXPECT_THAT([&] { save(); }, ThrowsMessage<CheckpointError>(HasSubstr("cannot be written")));
}

}  // namespace
}  // namespace tapehead
