#include "datasets/task.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"

namespace tapehead {

ExampleStream::ExampleStream(const RandomStream& random, std::uint32_t example, std::uint32_t attempt,
                             std::int64_t levels)
    : ExampleStream(random, example, attempt) {
  level_ = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(levels), example, attempt));
}

ExampleStream ExampleStream::at_level(const RandomStream& random, std::uint32_t example, std::uint32_t attempt,
                                      std::int64_t level) {
  ExampleStream stream(random, example, attempt);
  stream.level_ = level;
  return stream;
}

const TaskSpec& find_task(const std::string& name) {
  std::string known;
  for (const TaskSpec& task : task_specs()) {
    if (task.name == name) return task;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", task.name);
  }
  throw ConfigError(fmt::format("task: \"{}\" is none of {}", name, known));
}

}  // namespace tapehead
