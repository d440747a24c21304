#include "datasets/dataset.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"

namespace tapehead {

Split parse_split(const std::string& text) {
  if (text == "validation") return Split::validation;
  if (text == "test") return Split::test;
  throw ConfigError(fmt::format("split: \"{}\" is none of validation, test", text));
}

const char* name_of(Split split) { return split == Split::test ? "test" : "validation"; }

std::string Dataset::place(Split split, std::int64_t index) const {
  return fmt::format("{} sequence {}", name_of(split), index + 1);
}

const std::string& Dataset::headline() const {
  static const std::string loss = "loss";
  return loss;
}

}  // namespace tapehead
