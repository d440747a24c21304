#include "datasets/readers/images.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/text.hpp"
#include "datasets/digest.hpp"
#include "datasets/source.hpp"

namespace tapehead {
namespace {

std::string_view bytes_of(std::span<const float> numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

// By what it looks like: what tells which images are held out.
std::uint64_t look_of(std::span<const float> pixels) { return digest_bytes(bytes_of(pixels), 0x696d61676573); }

std::optional<std::int64_t> number_in(const std::string& name) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

bool are_numbers(std::span<const std::string> names) {
  return std::ranges::all_of(names, [](const std::string& name) { return number_in(name).has_value(); });
}

void refuse_more_than(double largest, float pixel, const std::string& place) {
  if (static_cast<double>(pixel) <= largest) return;
  throw DataError(fmt::format("{}: a pixel of {:g} is more than the largest, {:g}; --pixel-max says which that is",
                              place, pixel, largest));
}

ExampleShape shape_of(const ImagePatches& patches) {
  return {.data = "task images",
          .has_source = false,
          .ends = false,
          .target = 1,
          .channels = patches.patch().pixels(),
          .features = patches.rows() * patches.columns(),
          .grid_rows = patches.rows()};
}

LineFormat image_lines(const ImageOptions& options) {
  const auto features = [options](const std::string& line) {
    const ImagePatches patches(options);
    std::vector<float> pixels;
    append_pixels(line, pixels);
    if (std::ssize(pixels) != patches.image().pixels()) {
      throw DataError(fmt::format("the line has {}, and an image of {} has {}; no class stands beside them",
                                  counted(pixels.size(), "pixel"), to_string(patches.image()),
                                  patches.image().pixels()));
    }
    for (float& pixel : pixels) {
      refuse_more_than(options.pixel_max, pixel, "the line");
      pixel = static_cast<float>(static_cast<double>(pixel) / options.pixel_max);
    }
    std::vector<float> cut(pixels.size());
    patches.cut(pixels, cut);
    return cut;
  };
  const auto name = [](std::span<const std::string> words) { return words.empty() ? std::string() : words.front(); };
  return {.words = [](const std::string&) { return std::vector<std::string>(); }, .line = name, .features = features};
}

}  // namespace

DataSource reader_images() {
  const auto open = [](const DataOptions& options, std::optional<Vocabularies> known) {
    const TextOptions& files = options.text;
    return std::make_unique<ImageDataset>(ImageFiles{files.train, files.valid, files.test}, options.images,
                                          std::move(known));
  };
  const auto patches = [](const DataOptions& options) { return ImagePatches(options.images); };
  const auto shape = [](const DataOptions& options) { return shape_of(ImagePatches(options.images)); };
  return {.name = "images",
          .description = "images and their classes from files: CSV, or IDX as MNIST has it",
          .file_option = "train",
          .shares_out = true,
          .open = open,
          .lines = [](const DataOptions& options) { return image_lines(options.images); },
          .shape = shape,
          .patches = patches};
}

namespace {

void check_held_out(const ImageFiles& files, const ImageOptions& options) {
  struct HeldOut {
    const char* option;
    std::int64_t images;
    const char* file_option;
    const std::string& file;
  };
  for (const auto& [option, images, file_option, file] :
       {HeldOut{"validation-size", options.validation, "valid", files.valid},
        HeldOut{"test-size", options.test, "test", files.test}}) {
    if (images == 0) continue;
    if (!file.empty()) {
      throw ConfigError(
          fmt::format("{}: --{} names a file of such images; leave one of the two out", option, file_option));
    }
    if (files.train.empty()) {
      throw DataError(fmt::format("{}: such images stand in the training file, and there is none", option));
    }
  }
}

}  // namespace

ImageDataset::ImageDataset(const ImageFiles& files, const ImageOptions& options, std::optional<Vocabularies> known)
    : options_(options) {
  if (files.train.empty() && !known) throw ConfigError("train: a file of training images is needed");
  check_held_out(files, options);
  if (known) vocabularies_ = *std::move(known);
  if (!files.train.empty()) {
    const ImageFile file = read(files.train);
    if (!known) set_vocabulary(file);
    share_out(file);
    if (train_.classes.empty())
      throw DataError(fmt::format("{}: of {} none is left to train on; lower validation-size or test-size", file.name,
                                  counted(file.images(), "image")));
  }
  const std::pair<const std::string&, Images&> held_out[] = {{files.valid, validation_}, {files.test, test_}};
  for (const auto& [name, images] : held_out) {
    if (name.empty()) continue;
    const ImageFile file = read(name);
    for (std::int64_t i = 0; i < file.images(); ++i) add(file, i, images);
  }
  order_.set_size(train_.classes.size());
  if (are_numbers(vocabularies_.target.words())) {
    slices_.push_back({"class", [this](const SequencePair& pair) {
                         return *number_in(vocabularies_.target.word(pair.target.front()));
                       }});
  }
  shape_ = shape_of(patches_);
}

// A file, all of whose pixels are possible. The first one settles what nobody has said.
ImageFile ImageDataset::read(const std::string& name) {
  ImageFile file = read_images(name, options_.image.empty() ? ImageSize{} : parse_image_size(options_.image), options_);
  options_.image = to_string(file.size);
  patches_ = ImagePatches(options_);
  if (options_.pixel_max == 0) options_.pixel_max = file.usual_largest > 0 ? file.usual_largest : file.largest;
  if (options_.pixel_max == 0) throw DataError(fmt::format("{}: every pixel is 0", file.name));
  if (file.largest <= options_.pixel_max) return file;
  for (std::int64_t i = 0; i < file.images(); ++i) {
    for (const float pixel : file.image(i)) refuse_more_than(options_.pixel_max, pixel, file.place(i));
  }
  return file;
}

// In the order of what they look like the first are held out, and those that look like the last of them.
void ImageDataset::share_out(const ImageFile& file) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> order;
  for (std::int64_t i = 0; i < file.images(); ++i) order.emplace_back(look_of(file.image(i)), i);
  std::ranges::sort(order);
  std::vector<Images*> splits(order.size(), &train_);
  std::size_t at = 0;
  const std::pair<std::int64_t, Images*> held_out[] = {{options_.validation, &validation_}, {options_.test, &test_}};
  for (const auto& [wanted, images] : held_out) {
    std::int64_t taken = 0;
    while (at < order.size() && (taken < wanted || (taken > 0 && order[at].first == order[at - 1].first))) {
      splits[static_cast<std::size_t>(order[at++].second)] = images;
      ++taken;
    }
  }
  for (std::int64_t i = 0; i < file.images(); ++i) add(file, i, *splits[static_cast<std::size_t>(i)]);
}

// Numbers in their order, other names by their bytes.
void ImageDataset::set_vocabulary(const ImageFile& train) {
  const std::set<std::string> distinct(train.classes.begin(), train.classes.end());
  std::vector<std::string> names(distinct.begin(), distinct.end());
  if (names.size() == 1) {
    throw DataError(
        fmt::format("{}: every image is of class {}, so there is nothing to tell apart; --label says where "
                    "the class stands",
                    train.name, printable(names.front())));
  }
  if (are_numbers(names)) {
    std::ranges::stable_sort(names, {}, [](const std::string& each) { return *number_in(each); });
  }
  vocabularies_.target = Vocabulary(std::move(names));
}

void ImageDataset::add(const ImageFile& file, std::int64_t i, Images& to) const {
  const std::string& name = file.classes[static_cast<std::size_t>(i)];
  const std::int32_t id = vocabularies_.target.id(name);
  if (id == kUnknown) {
    throw DataError(fmt::format("{}: class {} is none of the training images'; --label says where the class stands",
                                file.place(i), printable(name)));
  }
  std::vector<float> pixels(file.image(i).begin(), file.image(i).end());
  for (float& pixel : pixels) pixel = static_cast<float>(static_cast<double>(pixel) / options_.pixel_max);
  const std::size_t before = to.features.size();
  to.features.resize(before + pixels.size());
  patches_.cut(pixels, std::span(to.features).subspan(before));
  to.classes.push_back(id);
  if (&to != &train_) to.places.push_back(file.place(i));
}

ExampleView ImageDataset::view(const Images& images, std::size_t i) const {
  const auto each = static_cast<std::size_t>(patches_.image().pixels());
  return {.target = std::span(images.classes).subspan(i, 1),
          .features = std::span(images.features).subspan(i * each, each)};
}

void ImageDataset::fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples,
                                       Batch& batch) const {
  if (order_.empty()) throw DataError("there are no training data; say with --train where they are");
  batch.clear();
  order_.for_batch(seed, step, examples, [&](std::size_t i) { batch.append(view(train_, i)); });
}

SequencePair ImageDataset::example(Split split, std::int64_t index) const {
  return stored(view(of(split), static_cast<std::size_t>(index)));
}

std::string ImageDataset::place(Split split, std::int64_t index) const {
  return of(split).places[static_cast<std::size_t>(index)];
}

std::vector<FoundOption> ImageDataset::found_options() const {
  return {{"image", options_.image}, {"pixel-max", canonical_text(options_.pixel_max)}};
}

std::uint64_t ImageDataset::digest() const {
  std::uint64_t digest = digest_bytes(options_.patch);
  for (const Images* images : {&train_, &validation_, &test_}) {
    digest = digest_ids(images->classes, digest_bytes(bytes_of(images->features), digest));
  }
  for (const std::string& name : vocabularies_.target.words()) digest = digest_bytes(name, digest);
  return digest;
}

}  // namespace tapehead
