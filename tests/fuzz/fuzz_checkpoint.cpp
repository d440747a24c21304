// Checkpoints: any bytes; whole HDF5 files under a right seal whose content is not what it should be; and listings of
// such files as a child process that was taken over might send them. Everything happens in this process, so that
// libFuzzer sees it: what the child does with the file (list_hdf5), what the parent makes of the answer, and what
// commands do with that. (HDF5 itself is not asked to survive broken HDF5: it is given what HDF5 wrote, and in the
// program it runs confined.)

#include <cmath>
#include <limits>
#include <string>

#include "experiments/runs/trained.hpp"
#include "tests/fuzz/target.hpp"
#include "trainers/checkpoint/detail/hdf5_image.hpp"
#include "trainers/checkpoint/resume_point.hpp"
#include "trainers/nonfinite.hpp"
#include "trainers/validation_history.hpp"

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

// What may stand where something is counted or added up.
double number(Choices& choices) {
  constexpr double kOdd[] = {
      -1, 0.5, 1e300, -0.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()};
  if (choices.once_in(8)) return kOdd[choices.below(std::size(kOdd))];
  return static_cast<double>(choices.below(100));
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
    std::vector<float> values(size, 0.5F);
    if (size > 0 && choices.once_in(32)) values[choices.below(size)] = static_cast<float>(number(choices));
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
  for (const char* name : {"loss_sum", "loss_count", "skipped_steps", "updates", "best_value", "best_step",
                           "better_than", "validations_waited", "plateau_waited", "plateau_drops"}) {
    if (choices.once_in(16)) continue;
    if (choices.once_in(32)) {
      file.set_attribute("/training/numbers", name, choices.text(5));
    } else {
      file.set_attribute("/training/numbers", name, number(choices));
    }
  }
  if (choices.once_in(8)) file.set_attribute("/training/texts", "data_digest", 2.5);
  return file.bytes();
}

// What every command that is given a checkpoint does with it, resuming included.
void use(std::unique_ptr<CheckpointReader> reader) {
  const Trained trained = open_trained(std::move(reader));
  succeeds([&] { trained.encode("1 2 3"); });
  succeeds([&] {
    const ResumePoint point = resume_point(*trained.reader);
    require(point.step >= 0 && point.loss_count >= 0 && point.skipped >= 0 && point.updates >= 0,
            "a counter is negative");
    require(std::isfinite(point.loss_sum), "the sum of losses is not finite");
    ValidationHistory history({.plateau = true, .early_stop = 3});
    history.restore(trained.reader->meta().numbers);
    require(history.best_step() >= 0 && history.waited() >= 0, "a count of the history is negative");
    require(history.learning_rate_share() >= 0, "the share of the learning rate is none");
    history.record(point.step + 1, 1.0);
    require(!std::isnan(history.best_value()), "the best result is none");
  });
  with_precision(trained.config.double_precision, [&](auto scalar) {
    using T = decltype(scalar);
    auto parameters = load_parameters<T>(trained);
    require(first_nonfinite_parameter(parameters).empty(), "a parameter is not finite");
    Optimizer<T> optimizer(trained.config.trainer.step.optimizer, trained.model.layout());
    succeeds([&] { trained.reader->load(parameters, optimizer); });
    for (const Moment<T>& moment : optimizer.moments()) {
      require(first_nonfinite_range(trained.model.layout(), moment.values) == nullptr, "a moment is not finite");
    }
  });
}

// As CheckpointReader does, but for the child process. `changed` may do to the listing what a hostile child would.
template <class F>
void read(const std::vector<std::byte>& image, const F& changed) {
  succeeds([&] {
    const std::string listing = changed(list_hdf5(image));
    use(std::make_unique<CheckpointReader>("fuzz.h5", image, catalogue_of_listing(listing, image.size())));
  });
}

// A listing after a few changes.
std::string damaged(Choices& choices, std::string listing) {
  for (std::size_t changes = 1 + choices.below(3); changes > 0; --changes) {
    const std::size_t at = choices.below(listing.size());
    switch (choices.below(4)) {
      case 0:
        listing[at] = static_cast<char>(choices.below(256));
        break;
      case 1:
        listing.erase(at, 1 + choices.below(40));
        break;
      case 2:
        listing.insert(at, listing.substr(choices.below(listing.size()), choices.below(200)));
        break;
      default:
        listing.insert(at, choices.text(16));
    }
    if (listing.empty()) break;
  }
  return listing;
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
    const std::string path = file_with("raw.h5", choices.text(100000));
    succeeds([&] { use(std::make_unique<CheckpointReader>(path)); });
    return 0;
  }
  // A generator may ask HDF5 for what it cannot hold, such as the same path twice.
  succeeds([&] {
    const bool hostile = choices.once_in(3);
    const std::vector<std::byte> image = made_by(choices);
    read(image, [&](std::string listing) { return hostile ? damaged(choices, std::move(listing)) : listing; });
  });
  return 0;
}
