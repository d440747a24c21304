#include "experiments/gradcheck.hpp"

#include "experiments/commands/commands.hpp"

namespace tapehead {

int run_gradcheck(const Invocation& invocation, Console& console) {
  const auto seed = static_cast<std::uint64_t>(invocation.settings.integer("seed"));
  return gradcheck(op_specs(), invocation.subject, seed, invocation.settings.flag("json"), console.out);
}

}  // namespace tapehead
