#include <ostream>

#include "autograd/blas.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/json.hpp"
#include "experiments/table.hpp"

namespace tapehead {

int run_version(const Invocation& invocation, Console& console) {
  const BlasInfo blas = blas_info();
  const std::string compiler = "g++ " __VERSION__;
  const std::string advice = blas_kernel_advice().value_or("");
  if (invocation.settings.flag("json")) {
    const Json object{{"version", TAPEHEAD_VERSION},     {"compiler", compiler},          {"blas", blas.library},
                      {"kernel", blas.kernel},           {"threading", blas.threading},   {"processor", blas.processor},
                      {"best_kernel", blas.best_kernel}, {"below_best", blas.below_best}, {"advice", advice}};
    console.out << object.dump() << '\n';
    return kDone;
  }
  Table table;
  table.add({"tapehead", TAPEHEAD_VERSION});
  table.add({"compiler", compiler});
  table.add({"blas", blas.library + ", " + blas.threading});
  table.add({"kernel", blas.kernel});
  table.add({"processor", blas.processor});
  table.add({"advice", advice.empty() ? "none: the kernel suits the processor" : advice});
  console.out << table.text();
  return kDone;
}

}  // namespace tapehead
