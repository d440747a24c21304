#include "datasets/made.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "datasets/digest.hpp"
#include "datasets/source.hpp"

namespace tapehead {
namespace {

// Tokens that are held out at most.
constexpr std::int64_t kMostHeldOut = 200'000'000;
constexpr std::uint64_t kBuckets = 20;
constexpr std::uint64_t kTestBucket = 0;
constexpr std::uint64_t kValidationBucket = 1;
// Held-out data does not follow the seed of training.
constexpr std::uint64_t kHeldOutSeed = 0x7461706568656164;

std::uint64_t bucket_of(Split split) { return split == Split::test ? kTestBucket : kValidationBucket; }

std::string_view bytes_of(std::span<const float> numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

// What no two held-out examples share.
using Key = std::pair<std::vector<std::int32_t>, std::vector<float>>;

Key key_of(const ExampleView& example) {
  const auto& tokens = example.source.empty() ? example.target : example.source;
  return {{tokens.begin(), tokens.end()}, {example.features.begin(), example.features.end()}};
}

}  // namespace

Fields<MadeOptions> MadeOptions::fields() {
  const Conditions made_task{none_of("task", reader_names())};
  static const std::string sharing = reader_names([](const DataSource& reader) { return reader.shares_out; });
  const Conditions held_out{none_of("task", reader_names()), one_of("task", sharing)};
  Fields<MadeOptions> fields{
      {&MadeOptions::task, "task"},
      {&MadeOptions::symbols,
       {.name = "symbols",
        .range = {1, 1e6},
        .help = "number of different symbols in made sequences",
        .when = "more make the task harder",
        .applies_when = made_task,
        .after = "task"}},
      {&MadeOptions::min_length,
       {.name = "min-length",
        .range = {1, 1e5},
        .help = "shortest made sequence",
        .unit = "symbols",
        .when = "raise it to max-length where one length is to be learnt",
        .applies_when = made_task}},
      {&MadeOptions::max_length, "max-length"},
      {&MadeOptions::validation,
       {.name = "validation-size",
        .range = {0, 1e7},
        .help = "made sequences, or images of the training file, held out for validation",
        .when = "fewer to validate faster",
        .zero = "none, as of images unless it is given",
        .applies_when = held_out,
        .after = "max-length"}},
      {&MadeOptions::test,
       {.name = "test-size",
        .range = {0, 1e7},
        .help = "the same for the test",
        .when = "more make the figures steadier",
        .applies_when = held_out}},
  };
  for (const TaskSpec& task : task_specs()) {
    for (OptionSpec option : task.options) {
      option.applies_when = {one_of("task", task.name)};
      fields.push_back({Member<MadeOptions>(&MadeOptions::own, std::string(option.name)), option});
    }
  }
  return fields;
}

MadeOptions with_own_options(const TaskSpec& task, MadeOptions options) {
  options.task = task.name;
  complete(options.own, task.options);
  return options;
}

MadeDataset::MadeDataset(const MadeOptions& options) : MadeDataset(find_task(options.task), options) {}

MadeDataset::MadeDataset(const TaskSpec& task, const MadeOptions& options)
    : task_(task), options_(with_own_options(task, options)) {
  task_.check(options_);
  levels_ = task_.levels(options_);
  shape_ = task_.shape(options_);
  shape_.data = "task " + task_.name;
  check_sizes();
  vocabulary_ = task_.vocabulary(options_);
  if (task_.target_vocabulary != nullptr) target_vocabulary_ = task_.target_vocabulary(options_);
  test_ = draw_held_out(Split::test, options.test);
  validation_ = draw_held_out(Split::validation, options.validation);
  require_training_examples();
}

void MadeDataset::check_sizes() const {
  const auto& [validation, test] = std::pair(options_.validation, options_.test);
  if (validation < 0 || test < 0) {
    throw ConfigError(fmt::format("validation-size ({}) and test-size ({}) must not be negative", validation, test));
  }
  const std::int64_t longest = std::max({shape_.source, shape_.target, shape_.features, std::int64_t{1}});
  if (validation > kMostHeldOut / longest || test > kMostHeldOut / longest) {
    throw ConfigError(
        fmt::format("validation-size ({}) and test-size ({}) of sequences up to {} long are more than {} "
                    "tokens; take fewer, or shorter ones",
                    validation, test, longest, kMostHeldOut));
  }
}

std::uint64_t MadeDataset::digest_of(const ExampleView& example, std::uint64_t seed) const {
  if (!shape_.has_source && shape_.channels == 0) return digest_ids(example.target, seed);
  if (shape_.has_source) seed = digest_ids(example.source, seed);
  if (shape_.channels > 0) seed = digest_bytes(bytes_of(example.features), seed);
  return seed;
}

bool MadeDataset::is_held_out(const ExampleView& example) const {
  const std::uint64_t bucket = digest_of(example) % kBuckets;
  return bucket == kTestBucket || bucket == kValidationBucket;
}

// Of a level with few examples all may be held out: it would never be trained on, and drawing it never end.
void MadeDataset::require_training_examples() const {
  constexpr std::uint32_t kAttempts = 200;
  const RandomStream random(kHeldOutSeed, Purpose::training_data);
  ExampleWriter out(shape_);
  for (std::int64_t level = 0; level < levels_; ++level) {
    std::uint32_t attempt = 0;
    do {
      if (attempt == kAttempts) {
        throw ConfigError(
            fmt::format("data: every sequence of {} is held out, none is left to train on; take more symbols or other "
                        "lengths",
                        task_.space(options_, level, level).text));
      }
      ExampleStream stream = ExampleStream::at_level(random, static_cast<std::uint32_t>(level), attempt++, level);
      out.clear();
      task_.make(stream, options_, out);
    } while (is_held_out(out.view()));
  }
}

void MadeDataset::write(Split split, Draw draw, ExampleWriter& out) const {
  const RandomStream random(kHeldOutSeed, Purpose::held_out_data, bucket_of(split));
  ExampleStream stream = ExampleStream::at_level(random, draw.turn, draw.attempt, draw.turn % levels_);
  out.clear();
  task_.make(stream, options_, out);
}

std::vector<MadeDataset::Draw> MadeDataset::draw_held_out(Split split, std::int64_t count) const {
  const ExampleSpace space = task_.space(options_, 0, levels_ - 1);
  const auto too_small = [&] {
    return ConfigError(fmt::format(
        "data: {:.0f} {} of {} {} too few for validation-size {} and test-size {} beside training; take more symbols, "
        "longer sequences, or a smaller validation-size and test-size",
        space.size, space.size == 1 ? "sequence" : "sequences", space.text, space.size == 1 ? "is" : "are",
        options_.validation, options_.test));
  };
  // A bucket holds about a twentieth of the space; half of that must suffice.
  const double largest = static_cast<double>(std::max(options_.validation, options_.test));
  if (space.size / static_cast<double>(kBuckets) < 2 * largest) throw too_small();

  const std::uint64_t bucket = bucket_of(split);
  ExampleWriter out(shape_);
  std::set<Key> seen;
  std::vector<Draw> drawn;
  std::vector<char> exhausted(static_cast<std::size_t>(levels_), 0);
  for (std::uint32_t turn = 0; std::ssize(drawn) < count; ++turn) {
    char& level_is_exhausted = exhausted[turn % exhausted.size()];
    if (std::ranges::count(exhausted, 0) == 0) throw too_small();
    if (level_is_exhausted != 0) continue;
    // An easy level may hold few examples of this bucket, or none left: give up on it after many attempts.
    constexpr std::uint32_t kAttempts = 2000;
    Draw draw{turn, 0};
    bool found = false;
    for (; !found && draw.attempt < kAttempts; draw.attempt += found ? 0 : 1) {
      write(split, draw, out);
      found = digest_of(out.view()) % kBuckets == bucket && seen.insert(key_of(out.view())).second;
    }
    if (found) drawn.push_back(draw);
    level_is_exhausted = found ? 0 : 1;
  }
  return drawn;
}

void MadeDataset::fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples,
                                      Batch& batch) const {
  const RandomStream random(seed, Purpose::training_data, step);
  ExampleWriter& out = batch.writer();
  batch.clear();
  for (std::int64_t i = 0; i < examples; ++i) {
    std::uint32_t attempt = 0;
    do {  // the level is drawn again too: one of which every example is held out cannot block
      ExampleStream stream(random, static_cast<std::uint32_t>(i), attempt++, levels_);
      out.clear();
      task_.make(stream, options_, out);
    } while (is_held_out(out.view()));
    batch.append(out.view());
  }
}

SequencePair MadeDataset::example(Split split, std::int64_t index) const {
  ExampleWriter out(shape_);
  write(split, draws(split).at(static_cast<std::size_t>(index)), out);
  return stored(out.view());
}

std::uint64_t MadeDataset::digest() const {
  std::uint64_t digest = digest_bytes(task_.name);
  for (const std::int64_t number : {options_.symbols, options_.min_length, options_.max_length}) {
    digest = digest_bytes(std::to_string(number), digest);
  }
  for (const OptionSpec& option : task_.options) {
    digest = digest_bytes(options_.own.text(option.name), digest_bytes(option.name, digest));
  }
  ExampleWriter out(shape_);
  for (const Split split : {Split::validation, Split::test}) {
    for (const Draw& draw : draws(split)) {
      write(split, draw, out);
      digest = digest_of(out.view(), digest);
    }
  }
  return digest;
}

}  // namespace tapehead
