#include "trainers/checkpoint/checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <set>

#include "autograd/base/build.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/kernels/blas.hpp"
#include "trainers/checkpoint/detail/hdf5_image.hpp"
#include "trainers/checkpoint/detail/sealed_file.hpp"
#include "trainers/finite.hpp"

namespace tapehead {
namespace {

constexpr const char* kFormat = "tapehead-checkpoint";
constexpr std::uint64_t kVersion = 1;
constexpr double kLargestCount = 0x1p53;  // up to here a double holds every whole number

std::string place(const std::string& group, const ParameterRange& range) {
  std::string path = range.name;
  std::replace(path.begin(), path.end(), '.', '/');
  return group + "/" + path;
}

// Column-major (in, out) is row-major (out, in), and (in, out, heads) is (heads, out, in): the same bytes. Vectors have
// one dimension.
std::vector<std::uint64_t> dims_of(const ParameterRange& range) {
  const auto rows = static_cast<std::uint64_t>(range.shape.rows);
  const auto columns = static_cast<std::uint64_t>(range.shape.columns);
  if (range.shape.slices > 1) return {static_cast<std::uint64_t>(range.shape.slices), columns, rows};
  for (const char* vector : {"bias", "gain", "sink"}) {
    if (range.name.ends_with(vector)) return {rows};
  }
  return {columns, rows};
}

// What a training step divides by the root of is no less than zero.
template <RealScalar T>
const ParameterRange* first_negative_range(const ParameterLayout& layout, const FlatVector<T>& values) {
  for (const ParameterRange& range : layout.ranges()) {
    const T* begin = values.data() + range.offset;
    if (std::any_of(begin, begin + range.shape.size(), [](T value) { return value < 0; })) return &range;
  }
  return nullptr;
}

// Throws for numbers that nothing can be computed from; `group` says which they are.
template <RealScalar T>
void require_usable(const std::string& group, const ParameterLayout& layout, const FlatVector<T>& values) {
  const ParameterRange* bad = first_nonfinite_range(layout, values);
  const char* what = "is not finite (NaN or infinite)";
  if (bad == nullptr && group.ends_with("/second_moment")) {
    bad = first_negative_range(layout, values);
    what = "is negative, which no mean of squares is";
  }
  if (bad != nullptr) throw CheckpointError(fmt::format("checkpoint: a number of {} {}", place(group, *bad), what));
}

template <RealScalar T>
void write_flat(Hdf5Image& file, const std::string& group, const ParameterLayout& layout, const FlatVector<T>& values) {
  require_usable(group, layout, values);
  for (const ParameterRange& range : layout.ranges()) {
    file.write(place(group, range), dims_of(range), values.data() + range.offset);
  }
}

[[noreturn]] void refuse_model(const std::string& why) {
  throw CheckpointError(
      fmt::format("checkpoint: of another model: {}; give the options that it was trained with", why));
}

// The very parameters of the layout, in its shapes.
void require_layout(const Hdf5Catalogue& file, const std::string& group, const ParameterLayout& layout) {
  if (!file.groups.contains(group)) throw CheckpointError(fmt::format("checkpoint: there is no {}", group));
  std::set<std::string> left;
  const auto begin = file.numbers.lower_bound(group + "/");
  for (auto at = begin; at != file.numbers.end() && at->first.starts_with(group + "/"); ++at) left.insert(at->first);
  for (const ParameterRange& range : layout.ranges()) {
    const std::string path = place(group, range);
    if (left.erase(path) == 0) refuse_model(path + " is missing");
    const std::vector<std::uint64_t>& stored = file.numbers.at(path).dims;
    if (const std::vector<std::uint64_t> needed = dims_of(range); stored != needed) {
      refuse_model(fmt::format("the shape differs of {}: ({}) is stored, ({}) is needed", path, fmt::join(stored, ", "),
                               fmt::join(needed, ", ")));
    }
  }
  if (!left.empty()) refuse_model(*left.begin() + " is one too many");
}

// Into a vector of its own, so that a failure half-way changes nothing.
template <RealScalar T>
FlatVector<T> read_flat(std::span<const std::byte> image, const Hdf5Catalogue& file, const std::string& group,
                        const ParameterLayout& layout) {
  require_layout(file, group, layout);
  FlatVector<T> values(layout.flat_size());
  for (const ParameterRange& range : layout.ranges()) {
    const std::string path = place(group, range);
    const Hdf5Catalogue::Numbers& stored = file.numbers.at(path);
    if (stored.width != sizeof(T)) throw CheckpointError(fmt::format("checkpoint: of another precision: {}", path));
    const auto bytes = image.subspan(stored.offset, static_cast<std::size_t>(range.shape.size()) * sizeof(T));
    std::memcpy(values.data() + range.offset, bytes.data(), bytes.size());
  }
  require_usable(group, layout, values);
  return values;
}

// Copied, not moved: tapes point into a store's memory.
template <RealScalar T>
void copy_into(const FlatVector<T>& from, FlatVector<T>& to) {
  std::copy_n(from.data(), from.size(), to.data());
}

std::string moment_group(const std::string& kind, const std::string& moment) {
  return fmt::format("/optimizer/{}/{}", kind, moment);
}

// What goes wrong inside of a file is told with its name.
template <class F>
auto reading(const std::string& path, const F& read) {
  try {
    return read();
  } catch (const CheckpointError& error) {
    throw CheckpointError(fmt::format("{} (reading {})", error.what(), path));
  }
}

const std::vector<std::string>& words_at(const Hdf5Catalogue& file, const std::string& path) {
  const auto found = file.words.find(path);
  if (found == file.words.end()) throw CheckpointError(fmt::format("checkpoint: there is no {}", path));
  return found->second;
}

CheckpointMeta read_meta(const Hdf5Catalogue& file) {
  CheckpointMeta meta{.config = file.attribute<std::string>("/", "config"),
                      .step = file.attribute<std::uint64_t>("/", "step"),
                      .source_vocabulary = words_at(file, "/vocabulary/source"),
                      .target_vocabulary = words_at(file, "/vocabulary/target"),
                      .numbers = file.attributes_of<double>("/training/numbers"),
                      .texts = file.attributes_of<std::string>("/training/texts")};
  if (static_cast<double>(meta.step) > kLargestCount) {
    throw CheckpointError(fmt::format("checkpoint: step {} is further than training goes", meta.step));
  }
  return meta;
}

CheckpointOrigin read_origin(const Hdf5Catalogue& file) {
  const auto text = [&](const char* name) { return file.attribute<std::string>("/", name); };
  return {.created_by = text("created_by"),
          .blas_library = text("blas_library"),
          .blas_kernel = text("blas_kernel"),
          .blas_threading = file.has_attribute("/", "blas_threading") ? text("blas_threading") : ""};
}

std::string hex(XXH128_hash_t digest) { return fmt::format("{:016x}{:016x}", digest.high64, digest.low64); }

}  // namespace

std::int64_t counter_in(const std::map<std::string, double>& numbers, const std::string& name) {
  const auto found = numbers.find(name);
  if (found == numbers.end()) return 0;
  const double number = found->second;
  if (number >= 0 && number <= kLargestCount && number == std::floor(number)) return static_cast<std::int64_t>(number);
  throw CheckpointError(fmt::format("checkpoint: its {} is {}, which counts nothing", name, number));
}

CheckpointOrigin this_origin() {
  const BlasInfo blas = blas_info();
  return {.created_by = to_string(build_info()),
          .blas_library = blas.library,
          .blas_kernel = blas.kernel,
          .blas_threading = blas.threading};
}

std::string difference(const CheckpointOrigin& then, const CheckpointOrigin& now) {
  std::string text;
  const auto compare = [&](const char* what, const std::string& was, const std::string& is) {
    if (was != is) text += fmt::format("{}{} {}, now {}", text.empty() ? "" : "; ", what, was, is);
  };
  compare("program", then.created_by, now.created_by);
  compare("BLAS library", then.blas_library, now.blas_library);
  compare("BLAS kernel", then.blas_kernel, now.blas_kernel);
  return text;
}

template <RealScalar T>
void save_checkpoint(const std::string& path, const CheckpointMeta& meta, const ParameterStore<T>& parameters,
                     const Optimizer<T>& optimizer) {
  const CheckpointOrigin origin = this_origin();
  Hdf5Image file;
  file.set_attribute("/", "format", std::string(kFormat));
  file.set_attribute("/", "version", kVersion);
  file.set_attribute("/", "created_by", origin.created_by);
  file.set_attribute("/", "config", meta.config);
  file.set_attribute("/", "step", meta.step);
  file.set_attribute("/", "blas_library", origin.blas_library);
  file.set_attribute("/", "blas_kernel", origin.blas_kernel);
  file.set_attribute("/", "blas_threading", origin.blas_threading);
  write_flat(file, "/parameters", parameters.layout(), parameters.values());
  for (const Moment<T>& moment : optimizer.moments()) {
    write_flat(file, moment_group(optimizer.kind(), moment.name), parameters.layout(), moment.values);
  }
  file.write_words("/vocabulary/source", meta.source_vocabulary);
  file.write_words("/vocabulary/target", meta.target_vocabulary);
  file.make_group("/training/numbers");
  file.make_group("/training/texts");
  for (const auto& [name, value] : meta.numbers) file.set_attribute("/training/numbers", name, value);
  for (const auto& [name, value] : meta.texts) file.set_attribute("/training/texts", name, value);
  write_sealed(path, file.bytes());
}

CheckpointReader::CheckpointReader(const std::string& path) {
  std::vector<std::byte> image = read_sealed(path);
  Hdf5Catalogue catalogue = reading(path, [&] { return read_catalogue(image); });
  *this = CheckpointReader(path, std::move(image), std::move(catalogue));
}

CheckpointReader::CheckpointReader(const std::string& path, std::vector<std::byte> image, Hdf5Catalogue catalogue)
    : path_(path), image_(std::move(image)), catalogue_(std::move(catalogue)) {
  reading(path, [&] {
    if (catalogue_.attribute<std::string>("/", "format") != kFormat)
      throw CheckpointError("checkpoint: not a tapehead checkpoint");
    if (const auto version = catalogue_.attribute<std::uint64_t>("/", "version"); version != kVersion) {
      throw CheckpointError(
          fmt::format("checkpoint: of version {}, this program reads version {}: use the tapehead that "
                      "wrote it",
                      version, kVersion));
    }
    meta_ = read_meta(catalogue_);
    origin_ = read_origin(catalogue_);
  });
}

void CheckpointReader::require_parameters(const ParameterLayout& layout) const {
  reading(path_, [&] { require_layout(catalogue_, "/parameters", layout); });
}

template <RealScalar T>
void CheckpointReader::load(ParameterStore<T>& parameters) const {
  reading(path_, [&] {
    const auto values = read_flat<T>(image_, catalogue_, "/parameters", parameters.layout());
    copy_into(values, parameters.values());
  });
}

template <RealScalar T>
void CheckpointReader::load(ParameterStore<T>& parameters, Optimizer<T>& optimizer) const {
  reading(path_, [&] {
    const auto values = read_flat<T>(image_, catalogue_, "/parameters", parameters.layout());
    std::vector<FlatVector<T>> moments;
    for (const Moment<T>& moment : optimizer.moments()) {
      const std::string group = moment_group(optimizer.kind(), moment.name);
      moments.push_back(read_flat<T>(image_, catalogue_, group, parameters.layout()));
    }
    copy_into(values, parameters.values());
    for (std::size_t i = 0; i < moments.size(); ++i) copy_into(moments[i], optimizer.moments()[i].values);
  });
}

template <RealScalar T>
std::string parameter_digest(const ParameterStore<T>& parameters) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), XXH3_freeState);
  XXH3_128bits_reset(state.get());
  for (const ParameterRange& range : parameters.layout().ranges()) {
    const auto values = parameters.values(range);
    XXH3_128bits_update(state.get(), values.data(), values.size_bytes());
  }
  return hex(XXH3_128bits_digest(state.get()));
}

template void save_checkpoint(const std::string&, const CheckpointMeta&, const ParameterStore<float>&,
                              const Optimizer<float>&);
template void save_checkpoint(const std::string&, const CheckpointMeta&, const ParameterStore<double>&,
                              const Optimizer<double>&);
template void CheckpointReader::load(ParameterStore<float>&) const;
template void CheckpointReader::load(ParameterStore<double>&) const;
template void CheckpointReader::load(ParameterStore<float>&, Optimizer<float>&) const;
template void CheckpointReader::load(ParameterStore<double>&, Optimizer<double>&) const;
template std::string parameter_digest(const ParameterStore<float>&);
template std::string parameter_digest(const ParameterStore<double>&);

}  // namespace tapehead
