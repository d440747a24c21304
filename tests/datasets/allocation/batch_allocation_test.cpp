// Once a batch is reserved, filling it allocates nothing, whatever the lengths and across the ends of epochs.

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "datasets/made.hpp"
#include "datasets/readers/masked_text.hpp"
#include "datasets/readers/plain_text.hpp"
#include "datasets/readers/text.hpp"
#include "experiments/bench/allocation_counter.hpp"

namespace tapehead {
namespace {

void expect_no_allocation(const Dataset& data, BatchLayout layout, std::size_t least_widths = 3) {
  constexpr std::int64_t kExamples = 6;
  Batch batch(layout);
  batch.reserve(kExamples, data.shape());
  std::set<std::int64_t> widths;
  for (std::uint64_t step = 1; step <= 200; ++step) {
    std::int64_t allocations = 0;
    {
      const AllocationCounter counter;
      data.fill_training_batch(1, step, kExamples, batch);
      allocations = counter.count();
    }
    ASSERT_EQ(allocations, 0) << "step " << step;
    widths.insert(batch.input().positions);
  }
  EXPECT_GE(widths.size(), least_widths);
}

TEST(AllocationCounter, SeesAVectorGrow) {
  std::vector<int> numbers;
  const AllocationCounter counter;
  numbers.reserve(10);
  const int* volatile seen = numbers.data();  // else a compiler may do without the memory
  EXPECT_NE(seen, nullptr);
  EXPECT_EQ(counter.count(), 1);
}

TEST(BatchAllocations, AreNoneForMadeData) {
  const MadeDataset data(
      {.task = "reverse", .symbols = 8, .min_length = 2, .max_length = 12, .validation = 10, .test = 10});
  for (const BatchLayout layout : {BatchLayout::encoder_decoder, BatchLayout::decoder_only}) {
    expect_no_allocation(data, layout);
  }
}

TEST(BatchAllocations, AreNoneForText) {
  const auto path = std::filesystem::temp_directory_path() / ("tapehead_batch" + std::to_string(::getpid()));
  std::string line;
  std::ofstream file(path);
  for (int i = 0; i < 20; ++i) {
    line += "word ";
    file << line << "\t" << line << "\n";
  }
  file.close();
  const TextDataset data({.train = path});
  std::filesystem::remove(path);
  for (const BatchLayout layout : {BatchLayout::encoder_decoder, BatchLayout::decoder_only}) {
    expect_no_allocation(data, layout);
  }
}

TEST(BatchAllocations, AreNoneForPlainText) {
  const auto path = std::filesystem::temp_directory_path() / ("tapehead_masked" + std::to_string(::getpid()));
  std::ofstream file(path);
  for (int i = 0; i < 100; ++i) file << "some words and others ";
  file.close();
  const PlainTextOptions plain{.text = path};
  const TextOptions options{.tokenizer = Tokenizer::characters, .max_length = 30};
  const MaskedTextDataset masked(plain, options, {});
  const PlainTextDataset windows(plain, options);
  std::filesystem::remove(path);
  expect_no_allocation(masked, BatchLayout::encoder_decoder, 1);
  expect_no_allocation(windows, BatchLayout::language, 1);
}

// Ids and not strings: a word of some letters in a string of its own takes 32 bytes, in a vector of them, in a set of
// pairs.
TEST(TextMemory, IsAFewTimesTheFile) {
  const auto path = std::filesystem::temp_directory_path() / ("tapehead_memory" + std::to_string(::getpid()));
  std::ofstream file(path);
  for (int i = 0; i < 40000; ++i) {
    for (int w = 0; w < 16; ++w) file << "w" << (i * 31 + w * w) % 997 << (w == 7 ? '\t' : w == 15 ? '\n' : ' ');
  }
  file.close();
  const auto size = static_cast<double>(std::filesystem::file_size(path));
  const auto in_use = [] {
    const struct mallinfo2 heap = ::mallinfo2();
    return static_cast<double>(heap.uordblks + heap.hblkhd);
  };
  const double before = in_use();
  const TextDataset data({.train = path, .test = path});
  const double taken = in_use() - before;
  std::filesystem::remove(path);
  EXPECT_LT(taken, 4 * size);
  EXPECT_EQ(data.report().test.seen_in_training, 40000);
}

}  // namespace
}  // namespace tapehead
