#include "datasets/made.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "datasets/digest.hpp"

namespace tapehead {
namespace {

// A training sequence is drawn on the stack: fill_training_batch allocates nothing.
constexpr std::int64_t kLongest = 4096;
// Each has a name in the vocabulary and an embedding.
constexpr std::int64_t kMostSymbols = 1'000'000;
// Tokens that are held out at most, all of which lie in memory.
constexpr std::int64_t kMostHeldOut = 200'000'000;
constexpr std::uint64_t kBuckets = 20;
constexpr std::uint64_t kTestBucket = 0;
constexpr std::uint64_t kValidationBucket = 1;
// Held-out data does not follow the seed of training.
constexpr std::uint64_t kHeldOutSeed = 0x7461706568656164;

struct Task {
  const char* name;
  const char* description;
  void (*rule)(std::span<const std::int32_t> source, std::span<std::int32_t> target);
};

constexpr std::array kTasks{
    Task{"copy", "the source again", [](auto source, auto target) { std::ranges::copy(source, target.begin()); }},
    Task{"reverse", "the source backwards",
         [](auto source, auto target) { std::ranges::reverse_copy(source, target.begin()); }},
};

const Task& find_task(const std::string& name) {
  for (const Task& task : kTasks) {
    if (task.name == name) return task;
  }
  std::string known;
  for (const Task& task : kTasks) known += fmt::format("{}{}", known.empty() ? "" : ", ", task.name);
  throw ConfigError(fmt::format("task: \"{}\" is none of {}", name, known));
}

std::uint64_t bucket_of(std::span<const std::int32_t> sequence) { return digest_ids(sequence) % kBuckets; }

bool is_held_out(std::span<const std::int32_t> sequence) {
  const std::uint64_t bucket = bucket_of(sequence);
  return bucket == kTestBucket || bucket == kValidationBucket;
}

void check(const MadeOptions& o) {
  if (o.symbols < 1 || o.symbols > kMostSymbols) {
    throw ConfigError(fmt::format("symbols: between 1 and {} are possible, not {}", kMostSymbols, o.symbols));
  }
  if (o.min_length < 1 || o.max_length < o.min_length || o.max_length > kLongest) {
    throw ConfigError(fmt::format("min-length {} and max-length {} must satisfy 1 <= min-length <= max-length <= {}",
                                  o.min_length, o.max_length, kLongest));
  }
  if (o.validation < 0 || o.test < 0) {
    throw ConfigError(
        fmt::format("validation-size ({}) and test-size ({}) must not be negative", o.validation, o.test));
  }
  if (o.validation > kMostHeldOut / o.max_length || o.test > kMostHeldOut / o.max_length) {
    throw ConfigError(
        fmt::format("validation-size ({}) and test-size ({}) of sequences up to {} long are more than {} "
                    "tokens; take fewer, or shorter ones",
                    o.validation, o.test, o.max_length, kMostHeldOut));
  }
}

std::vector<std::string> symbol_names(std::int64_t symbols) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < symbols; ++i) names.push_back(std::to_string(i));
  return names;
}

// Draws a sequence of `length` into `out`, a function of the stream's key and (example, attempt).
void draw(const RandomStream& random, std::uint32_t example, std::uint32_t attempt, std::int64_t symbols,
          std::span<std::int32_t> out) {
  for (std::size_t t = 0; t < out.size(); ++t) {
    // Coordinate 0 is for the length.
    const auto symbol =
        random.below(static_cast<std::uint64_t>(symbols), example, attempt, static_cast<std::uint32_t>(t + 1));
    out[t] = kFirstFreeId + static_cast<std::int32_t>(symbol);
  }
}

}  // namespace

std::vector<MadeTask> made_tasks() {
  std::vector<MadeTask> tasks;
  tasks.reserve(kTasks.size());
  for (const Task& task : kTasks) tasks.push_back({task.name, task.description});
  return tasks;
}

MadeDataset::MadeDataset(const MadeOptions& options) : options_(options), rule_(find_task(options.task).rule) {
  check(options);
  shape_ = {.data = "task " + options.task, .source = options.max_length, .target = options.max_length};
  vocabulary_ = Vocabulary(symbol_names(options.symbols));
  test_ = draw_held_out(Split::test, options.test);
  validation_ = draw_held_out(Split::validation, options.validation);
  require_training_sequences();
}

// Of a length with few sequences all may be held out: it would never be trained on, and drawing it never end.
void MadeDataset::require_training_sequences() const {
  constexpr std::uint32_t kAttempts = 200;
  const RandomStream random(kHeldOutSeed, Purpose::training_data);
  for (std::int64_t length = options_.min_length; length <= options_.max_length; ++length) {
    Sequence sequence(static_cast<std::size_t>(length));
    std::uint32_t attempt = 0;
    do {
      if (attempt == kAttempts) {
        throw ConfigError(fmt::format(
            "data: every sequence of {} and length {} is held out, none is left to train on; take more symbols "
            "or other lengths",
            counted(options_.symbols, "symbol"), length));
      }
      draw(random, static_cast<std::uint32_t>(length), attempt++, options_.symbols, sequence);
    } while (is_held_out(sequence));
  }
}

std::vector<MadeDataset::Sequence> MadeDataset::draw_held_out(Split split, std::int64_t count) const {
  const std::uint64_t bucket = split == Split::test ? kTestBucket : kValidationBucket;
  const RandomStream random(kHeldOutSeed, Purpose::held_out_data, bucket);
  const std::int64_t lengths = options_.max_length - options_.min_length + 1;
  double space = 0;
  for (std::int64_t n = options_.min_length; n <= options_.max_length; ++n) {
    space += std::pow(static_cast<double>(options_.symbols), static_cast<double>(n));
  }
  const auto too_small = [&] {
    return ConfigError(fmt::format(
        "data: {:.0f} sequences of {} and lengths {} to {} are too few for {} validation and {} test sequences "
        "beside training; take more symbols, longer sequences, or a smaller validation-size and test-size",
        space, counted(options_.symbols, "symbol"), options_.min_length, options_.max_length, options_.validation,
        options_.test));
  };
  // A bucket holds about a twentieth of the space; half of that must suffice.
  const double largest = static_cast<double>(std::max(options_.validation, options_.test));
  if (space / static_cast<double>(kBuckets) < 2 * largest) throw too_small();

  std::set<Sequence> seen;
  std::vector<Sequence> drawn;
  std::vector<char> exhausted(static_cast<std::size_t>(lengths), 0);
  for (std::int64_t turn = 0; std::ssize(drawn) < count; ++turn) {
    const std::int64_t n = turn % lengths;
    if (std::ranges::count(exhausted, 0) == 0) throw too_small();
    if (exhausted[static_cast<std::size_t>(n)] != 0) continue;
    // A short length may hold few sequences of this bucket, or none left: give up on it after many attempts.
    constexpr std::uint32_t kAttempts = 2000;
    Sequence sequence(static_cast<std::size_t>(options_.min_length + n));
    std::uint32_t attempt = 0;
    do {
      draw(random, static_cast<std::uint32_t>(turn), attempt, options_.symbols, sequence);
    } while (++attempt < kAttempts && (bucket_of(sequence) != bucket || seen.contains(sequence)));
    if (bucket_of(sequence) != bucket || !seen.insert(sequence).second) {
      exhausted[static_cast<std::size_t>(n)] = 1;
      continue;
    }
    drawn.push_back(std::move(sequence));
  }
  return drawn;
}

void MadeDataset::fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples,
                                      Batch& batch) const {
  const RandomStream random(seed, Purpose::training_data, step);
  std::array<std::int32_t, kLongest> source_room;
  std::array<std::int32_t, kLongest> target_room;
  const auto lengths = static_cast<std::uint64_t>(options_.max_length - options_.min_length + 1);
  batch.clear();
  for (std::int64_t i = 0; i < examples; ++i) {
    const auto example = static_cast<std::uint32_t>(i);
    std::span<std::int32_t> source;
    std::uint32_t attempt = 0;
    do {  // the length is drawn again too: one of which every sequence is held out cannot block
      const auto length = options_.min_length + static_cast<std::int64_t>(random.below(lengths, example, attempt));
      source = std::span(source_room).first(static_cast<std::size_t>(length));
      draw(random, example, attempt++, options_.symbols, source);
    } while (is_held_out(source));
    const auto target = std::span(target_room).first(source.size());
    rule_(source, target);
    batch.append(source, target);
  }
}

std::int64_t MadeDataset::size(Split split) const { return std::ssize(split == Split::test ? test_ : validation_); }

SequencePair MadeDataset::example(Split split, std::int64_t index) const {
  SequencePair pair;
  pair.source = (split == Split::test ? test_ : validation_).at(static_cast<std::size_t>(index));
  pair.target.resize(pair.source.size());
  rule_(pair.source, pair.target);
  return pair;
}

std::uint64_t MadeDataset::digest() const {
  std::uint64_t digest = digest_bytes(options_.task);
  for (const std::int64_t number : {options_.symbols, options_.min_length, options_.max_length}) {
    digest = digest_bytes(std::to_string(number), digest);
  }
  for (const auto* split : {&validation_, &test_}) {
    for (const Sequence& sequence : *split) digest = digest_ids(sequence, digest);
  }
  return digest;
}

}  // namespace tapehead
