#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "datasets/epoch_order.hpp"
#include "datasets/readers/image_file.hpp"
#include "datasets/readers/image_patches.hpp"

namespace tapehead {

/// The files of the splits; an empty name stands for none.
struct ImageFiles {
  std::string train, valid = {}, test = {};
};

/// Images and their classes: features, the patches of an image with pixels from 0 to 1, and a target of one token, the
/// name of the class, behind which no end is said. Classes are those of the training file. An image of the training
/// file may be held out for a split that has no file: what it looks like decides, so that equal images are in one
/// split, whatever else the file holds.
class ImageDataset : public Dataset {
 public:
  /// With the classes of a trained model, `known`, the training file may be missing. Throws DataError, naming file and
  /// line or image, for what is no image or has another size, a pixel above the largest, or a class that is not known;
  /// ConfigError for patches that do not fill an image.
  ImageDataset(const ImageFiles& files, const ImageOptions& options, std::optional<Vocabularies> known = {});

  const ImagePatches& patches() const { return patches_; }

  const Vocabulary& source_vocabulary() const override { return vocabularies_.source; }
  const Vocabulary& target_vocabulary() const override { return vocabularies_.target; }
  const ExampleShape& shape() const override { return shape_; }
  /// Throws DataError if there is no training file.
  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override;
  std::int64_t size(Split split) const override { return std::ssize(of(split).classes); }
  SequencePair example(Split split, std::int64_t index) const override;
  std::string place(Split split, std::int64_t index) const override;
  std::vector<FoundOption> found_options() const override;
  std::span<const Slice> slices() const override { return slices_; }
  std::uint64_t digest() const override;

 private:
  struct Images {
    std::vector<float> features;  // (C, T) of each
    std::vector<std::int32_t> classes;
    std::vector<std::string> places = {};
  };

  const Images& of(Split split) const { return split == Split::test ? test_ : validation_; }
  ExampleView view(const Images& images, std::size_t i) const;
  ImageFile read(const std::string& name);
  void share_out(const ImageFile& file);
  void set_vocabulary(const ImageFile& train);
  void add(const ImageFile& file, std::int64_t i, Images& to) const;

  ImageOptions options_;
  Vocabularies vocabularies_;
  ImagePatches patches_{{1, 1}, {1, 1}};
  Images train_, validation_, test_;
  ExampleShape shape_;
  std::vector<Slice> slices_;
  EpochOrder order_;
};

}  // namespace tapehead
