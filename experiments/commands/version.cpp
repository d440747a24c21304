#include <nlohmann/json.hpp>
#include <ostream>

#include "autograd/base/build.hpp"
#include "autograd/kernels/blas.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/table.hpp"

namespace tapehead {
namespace {

int run_version(const Invocation& invocation, Console& console) {
  const BlasInfo blas = blas_info();
  const BuildInfo& build = build_info();
  const std::string advice = blas_kernel_advice().value_or("");
  if (invocation.settings.flag("json")) {
    const Json object{{"version", build.version},      {"compiler", build.compiler},
                      {"vectors", build.vectors},      {"blas", blas.library},
                      {"kernel", blas.kernel},         {"threading", blas.threading},
                      {"processor", blas.processor},   {"best_kernel", blas.best_kernel},
                      {"below_best", blas.below_best}, {"advice", advice}};
    console.out << to_text(object) << '\n';
    return kDone;
  }
  Table table;
  table.add({"tapehead", build.version});
  table.add({"compiler", build.compiler});
  table.add({"vectors", build.vectors});
  table.add({"blas", blas.library + ", " + blas.threading});
  table.add({"kernel", blas.kernel});
  table.add({"processor", blas.processor});
  table.add({"advice", advice.empty() ? "none: the kernel suits the processor" : advice});
  console.out << table.text(console.width);
  return kDone;
}

}  // namespace

Command command_version() {
  return {.name = "version",
          .subject = "",
          .summary = "Versions of the program, its compiler and its BLAS, and whether that suits the processor",
          .example = "tapehead version",
          .options = {{"json"}},
          .run = run_version};
}

}  // namespace tapehead
