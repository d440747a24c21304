// The digits of optdigits as their authors describe them (optdigits.names): how many of each class, and how many of the
// test images are classified rightly by the nearest training image.

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <map>

#include "datasets/readers/images.hpp"
#include "tests/data/data_folder.hpp"

namespace tapehead {
namespace {

using testing_support::data_folder;

struct Digits {
  std::vector<std::vector<float>> images;
  std::vector<int> classes;

  Digits(const ImageDataset& data, Split split) {
    for (std::int64_t i = 0; i < data.size(split); ++i) {
      const SequencePair pair = data.example(split, i);
      images.push_back(pair.features);
      classes.push_back(std::stoi(data.target_vocabulary().word(pair.target.at(0))));
    }
  }
};

TEST(Optdigits, AreThoseOfTheirAuthors) {
  const std::string folder = data_folder() + "/optdigits/";
  const ImageDataset data({folder + "train.csv", folder + "train.csv", folder + "test.csv"}, {.patch = "2x4"});
  EXPECT_EQ(data.patches().image(), (ImageSize{8, 8}));
  EXPECT_EQ(data.found_options().at(1).value, "16");
  const Digits train(data, Split::validation), test(data, Split::test);
  constexpr std::array kTrain{376, 389, 380, 389, 387, 376, 377, 387, 380, 382};
  constexpr std::array kTest{178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
  std::map<int, int> of_train, of_test;
  for (const int digit : train.classes) ++of_train[digit];
  for (const int digit : test.classes) ++of_test[digit];
  for (int digit = 0; digit < 10; ++digit) {
    EXPECT_EQ(of_train[digit], kTrain.at(static_cast<std::size_t>(digit))) << digit;
    EXPECT_EQ(of_test[digit], kTest.at(static_cast<std::size_t>(digit))) << digit;
  }
  int right = 0;
  for (std::size_t i = 0; i < test.images.size(); ++i) {
    float nearest = std::numeric_limits<float>::infinity();
    int digit = -1;
    for (std::size_t k = 0; k < train.images.size(); ++k) {
      float distance = 0;
      for (std::size_t p = 0; p < 64; ++p) {
        const float by = test.images[i][p] - train.images[k][p];
        distance += by * by;
      }
      if (distance < nearest) nearest = distance, digit = train.classes[k];
    }
    right += digit == test.classes[i];
  }
  EXPECT_NEAR(100.0 * right / static_cast<double>(test.images.size()), 98.00, 0.005);
}

}  // namespace
}  // namespace tapehead
