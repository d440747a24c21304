#include "experiments/analysis/image_maps.hpp"

#include <algorithm>

namespace tapehead {

Matrix image_of(const ImagePatches& patches, std::span<const float> features) {
  Matrix image(patches.image().height, patches.image().width);
  std::vector<float> pixels(image.values.size());
  patches.join(features, pixels);
  std::ranges::copy(pixels, image.values.begin());
  return image;
}

Matrix over_image(const ImagePatches& patches, std::span<const double> numbers) {
  Matrix image(patches.image().height, patches.image().width);
  for (std::int64_t r = 0; r < image.rows; ++r) {
    for (std::int64_t c = 0; c < image.columns; ++c) {
      const std::int64_t patch = r / patches.patch().height * patches.columns() + c / patches.patch().width;
      image(r, c) = numbers[static_cast<std::size_t>(patch)];
    }
  }
  return image;
}

std::vector<double> attention_to_patches(const Matrix& map, bool class_token) {
  const std::int64_t before = class_token ? 1 : 0;
  const std::int64_t queries = class_token ? 1 : map.rows;
  std::vector<double> numbers(static_cast<std::size_t>(map.columns - before));
  for (std::int64_t k = before; k < map.columns; ++k) {
    double& sum = numbers[static_cast<std::size_t>(k - before)];
    for (std::int64_t q = 0; q < queries; ++q) sum += map(q, k) / static_cast<double>(queries);
  }
  return numbers;
}

std::optional<Matrix> attention_rollout(std::span<const std::vector<Matrix>> layers) {
  if (layers.empty() || layers.front().empty()) return std::nullopt;
  const std::int64_t size = layers.front().front().rows;
  Matrix rolled(size, size);
  for (std::int64_t i = 0; i < size; ++i) rolled(i, i) = 1;
  for (const std::vector<Matrix>& heads : layers) {
    Matrix mean(size, size);
    for (const Matrix& head : heads) {
      for (std::size_t i = 0; i < head.values.size(); ++i) {
        if (head.values[i] < 0) return std::nullopt;
        mean.values[i] += head.values[i];
      }
    }
    Matrix next(size, size);
    for (std::int64_t q = 0; q < size; ++q) {
      double sum = 0;
      for (std::int64_t k = 0; k < size; ++k) sum += mean(q, k);
      for (std::int64_t k = 0; k < size; ++k) {
        // A query that attends to nothing keeps what it has.
        const double share = sum == 0 ? (q == k ? 1.0 : 0.0) : 0.5 * mean(q, k) / sum + (q == k ? 0.5 : 0.0);
        for (std::int64_t i = 0; i < size; ++i) next(q, i) += share * rolled(k, i);
      }
    }
    rolled = std::move(next);
  }
  return rolled;
}

}  // namespace tapehead
