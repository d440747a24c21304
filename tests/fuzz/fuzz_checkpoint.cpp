// Checkpoints: any bytes; and whole HDF5 files under a right seal whose content is not what it should be. (HDF5 itself
// is not asked to survive broken HDF5: the seal stands before it.)

#include <string>

#include "experiments/trained.hpp"
#include "tests/fuzz/target.hpp"
#include "trainers/hdf5_image.hpp"
#include "trainers/sealed_file.hpp"

namespace tapehead {
namespace {

const char* const kConfig =
    "task = copy\nsymbols = 3\nmodel = decoder\nlayers = 1\nheads = 1\nd-model = 4\nd-ff = 4\nmax-positions = 8\n"
    "max-length = 3\nmin-length = 1\n";

std::string config_of(Choices& choices) {
  std::string config = kConfig;
  if (choices.once_in(4)) config.insert(choices.below(config.size()), choices.text(40));
  if (choices.once_in(8)) config = choices.text(200);
  return config;
}

// An attribute as it should be, or missing, or of another type or value.
void put_text(Hdf5Image& file, Choices& choices, const char* name, const std::string& right) {
  switch (choices.below(24)) {
    case 21:
      return;
    case 22:
      return file.set_attribute("/", name, 1.5);
    case 23:
      return file.set_attribute("/", name, choices.text(20));
    default:
      return file.set_attribute("/", name, right);
  }
}

void put_values(Hdf5Image& file, Choices& choices, const std::string& path, std::vector<std::uint64_t> dims) {
  if (choices.once_in(16)) dims.push_back(choices.below(3));
  if (choices.once_in(16)) dims[choices.below(dims.size())] = choices.below(70);
  if (choices.once_in(32)) dims.clear();
  std::uint64_t size = 1;
  for (const std::uint64_t dim : dims) size *= dim;
  if (choices.once_in(16)) return;
  if (choices.once_in(16)) {
    const std::vector<double> values(size, 0.5);
    file.write(path, dims, values.data());
  } else if (choices.once_in(32)) {
    file.write_words(path, std::vector<std::string>(3, "word"));
  } else if (choices.once_in(32)) {
    file.make_group(path);
  } else {
    const std::vector<float> values(size, 0.5F);
    file.write(path, dims, values.data());
  }
}

std::vector<std::string> words(Choices& choices, std::size_t count) {
  std::vector<std::string> list;
  for (std::size_t i = 0; i < count; ++i) {
    list.push_back(choices.once_in(12) ? choices.text(10) : std::to_string(i));
  }
  return list;
}

std::vector<std::byte> made_by(Choices& choices) {
  Hdf5Image file;
  const std::string config = config_of(choices);
  put_text(file, choices, "format", "tapehead-checkpoint");
  if (!choices.once_in(16))
    file.set_attribute("/", "version", std::uint64_t{choices.once_in(16) ? choices.below(300) : 1});
  put_text(file, choices, "created_by", "tapehead");
  put_text(file, choices, "config", config);
  if (!choices.once_in(16)) file.set_attribute("/", "step", std::uint64_t{choices.below(1000)});
  for (const char* name : {"blas_library", "blas_kernel", "blas_threading"}) put_text(file, choices, name, "some");

  // The model of the configuration as it should be; what a changed one needs is not there.
  Settings settings;
  settings.read_config(kConfig, Origin::file, "fuzz");
  settle(settings);
  RunConfig right = make_run_config(settings);
  right.model.source_vocabulary = right.model.target_vocabulary = 7;
  const Model model(right.model);
  for (const char* group : {"/parameters/", "/optimizer/adam/first_moment/", "/optimizer/adam/second_moment/"}) {
    for (const ParameterRange& range : model.layout().ranges()) {
      std::string path = range.name;
      std::ranges::replace(path, '.', '/');
      std::vector<std::uint64_t> dims{static_cast<std::uint64_t>(range.shape.rows)};
      const bool vector = range.name.ends_with("bias") || range.name.ends_with("gain");
      if (!vector) dims.insert(dims.begin(), static_cast<std::uint64_t>(range.shape.columns));
      put_values(file, choices, group + path, dims);
    }
  }
  if (choices.once_in(8)) put_values(file, choices, "/parameters/one/too/many", {2, 3});
  if (!choices.once_in(24)) file.write_words("/vocabulary/source", words(choices, choices.once_in(8) ? 9 : 3));
  if (!choices.once_in(24)) file.write_words("/vocabulary/target", words(choices, choices.once_in(8) ? 9 : 3));
  file.make_group("/training/numbers");
  file.make_group("/training/texts");
  if (choices.once_in(8)) file.set_attribute("/training/numbers", "loss_sum", choices.text(5));
  if (choices.once_in(8)) file.set_attribute("/training/texts", "data_digest", 2.5);
  return file.bytes();
}

// What every command that is given a checkpoint does with it.
void read(const std::string& path) {
  succeeds([&] {
    const Trained trained = open_trained(path);
    succeeds([&] { trained.encode("1 2 3"); });
    with_precision(trained.config.double_precision, [&](auto scalar) {
      using T = decltype(scalar);
      auto parameters = load_parameters<T>(trained);
      Optimizer<T> optimizer(trained.config.trainer.step.optimizer, trained.model.layout());
      succeeds([&] { trained.reader->load(parameters, optimizer); });
    });
  });
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds{"", "tapehead checkpoint\n", std::string(100, '\0'), std::string(400, '\x01')};
  std::string counting;
  for (int i = 0; i < 600; ++i) counting += static_cast<char>(i * 7);
  seeds.push_back(counting);
  return seeds;
}

}  // namespace tapehead

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tapehead;
  Choices choices(data, size);
  if (choices.once_in(4)) {
    read(file_with("raw.h5", choices.text(100000)));
    return 0;
  }
  // A generator may ask HDF5 for what it cannot hold, such as the same path twice.
  succeeds([&] {
    const std::string path = file_with("made.h5", "");
    write_sealed(path, made_by(choices));
    read(path);
  });
  return 0;
}
