#include "tests/support/task_check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

constexpr std::uint32_t kExamples = 400;

class TaskCheck {
 public:
  TaskCheck(const TaskSpec& task, const MadeOptions& options)
      : task_(task), options_(with_own_options(task, options)), random_(20, Purpose::test) {}

  std::vector<std::string> faults() {
    if (!is_complete()) return faults_;
    shape_ = task_.shape(options_);
    shape_.data = "task " + task_.name;
    levels_ = task_.levels(options_);
    check_slices();
    std::set<std::vector<std::int32_t>> different;
    for (std::uint32_t i = 0; i < kExamples && faults_.empty(); ++i) {
      const SequencePair example = make(i);
      check_again(i, example);
      check_ids(example);
      if (task_.reference != nullptr) check_reference(example);
      different.insert(key(example));
    }
    if (faults_.empty() && different.size() < 2) fault("makes one example again and again");
    if (faults_.empty()) check_dataset();
    return faults_;
  }

 private:
  void fault(const std::string& text) { faults_.push_back(fmt::format("task {} {}", task_.name, text)); }

  bool is_complete() {
    const auto require = [&](bool there, const char* part) {
      if (there) return;
      fault(fmt::format("has no {0}: add .{0} to task_{1}() in datasets/tasks/{1}.cpp", part, task_.name));
    };
    require(!task_.description.empty(), "description");
    require(task_.check != nullptr, "check");
    require(task_.vocabulary != nullptr, "vocabulary");
    require(task_.shape != nullptr, "shape");
    require(task_.levels != nullptr, "levels");
    require(task_.space != nullptr, "space");
    require(task_.make != nullptr, "make");
    require(task_.reference != nullptr, "reference");
    require(!task_.headline.empty(), "headline");
    return task_.vocabulary != nullptr && task_.shape != nullptr && task_.levels != nullptr && task_.make != nullptr &&
           task_.check != nullptr && task_.space != nullptr;
  }

  SequencePair make(std::uint32_t i) {
    ExampleStream stream(random_, i, 0, levels_);
    ExampleWriter out(shape_);
    task_.make(stream, options_, out);
    return stored(out.view());
  }

  static std::vector<std::int32_t> key(const SequencePair& example) {
    std::vector<std::int32_t> all = example.source;
    all.insert(all.end(), example.target.begin(), example.target.end());
    for (const float number : example.features) all.push_back(static_cast<std::int32_t>(1e6F * number));
    return all;
  }

  // With memory that holds another example.
  void check_again(std::uint32_t i, const SequencePair& example) {
    ExampleWriter out(shape_);
    for (const std::uint32_t which : {i + 1, i}) {
      ExampleStream stream(random_, which, 0, levels_);
      out.clear();
      task_.make(stream, options_, out);
    }
    const SequencePair again = stored(out.view());
    if (key(again) != key(example) || again.label != example.label || again.marks != example.marks) {
      fault(fmt::format("makes another example of the same stream: {} and {}", text(example), text(again)));
    }
  }

  void check_ids(const SequencePair& example) {
    const Vocabulary source = task_.vocabulary(options_);
    const Vocabulary target = task_.target_vocabulary == nullptr ? source : task_.target_vocabulary(options_);
    const auto check = [&](const std::vector<std::int32_t>& ids, const Vocabulary& vocabulary, const char* side) {
      for (const std::int32_t id : ids) {
        if (id >= kFirstFreeId && id < vocabulary.size()) continue;
        fault(fmt::format("wrote the id {} into a {}, whose vocabulary has {} to {}", id, side,
                          static_cast<int>(kFirstFreeId), vocabulary.size() - 1));
      }
    };
    check(example.source, source, "source");
    check(example.target, target, "target");
  }

  // What the reference is given: see TaskSpec.
  SequencePair without_answer(SequencePair example) const {
    example.label = 0;
    if (example.marks.empty()) {
      example.target.clear();
    } else {
      for (std::size_t t = 0; t < example.target.size(); ++t) {
        if (example.marks[t] != 0) example.target[t] = kUnknown;
      }
    }
    return example;
  }

  void check_reference(const SequencePair& example) {
    const SequencePair answer = task_.reference(without_answer(example), options_);
    if (answer.target == example.target && answer.label == example.label) return;
    fault(fmt::format("and its reference differ on {}: the reference says {}", text(example), text(answer)));
  }

  void check_slices() {
    std::set<std::string> names;
    for (const Slice& slice : task_.slices) {
      if (slice.name.empty() || !slice.of) fault("has a slice without a name or a function");
      if (!names.insert(slice.name).second) fault(fmt::format("has two slices called {}", slice.name));
    }
    if (!faults_.empty()) return;
    for (const Slice& slice : task_.slices) {
      std::set<std::int64_t> values;
      for (std::uint32_t i = 0; i < kExamples; ++i) values.insert(slice.of(make(i)));
      if (values.size() < 2) fault(fmt::format("has a slice {} that holds every example alike", slice.name));
    }
  }

  // Its splits can be made, and what it says of itself holds there.
  void check_dataset() {
    try {
      const MadeDataset data(task_, options_);
      for (const Split split : {Split::validation, Split::test}) {
        for (std::int64_t i = 0; i < data.size(split) && faults_.empty(); ++i) {
          if (task_.reference != nullptr) check_reference(data.example(split, i));
        }
      }
    } catch (const Error& error) {
      fault(fmt::format("makes no data: {}", error.what()));
    }
  }

  static std::string text(const SequencePair& example) {
    return fmt::format("{} -> {} (label {})", fmt::join(example.source, " "), fmt::join(example.target, " "),
                       example.label);
  }

  const TaskSpec& task_;
  MadeOptions options_;
  RandomStream random_;
  ExampleShape shape_;
  std::int64_t levels_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> task_faults(const TaskSpec& task, const MadeOptions& options) {
  return TaskCheck(task, options).faults();
}

}  // namespace tapehead
