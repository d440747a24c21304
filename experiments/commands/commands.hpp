#pragma once

#include "experiments/program/command.hpp"

/// \file The commands of the program, one source file each.

namespace tapehead {

int run_train(const Invocation& invocation, Console& console);
int run_eval(const Invocation& invocation, Console& console);
int run_predict(const Invocation& invocation, Console& console);
int run_inspect(const Invocation& invocation, Console& console);
int run_ablate(const Invocation& invocation, Console& console);
int run_attend(const Invocation& invocation, Console& console);
int run_gradcheck(const Invocation& invocation, Console& console);
int run_bench(const Invocation& invocation, Console& console);
int run_summary(const Invocation& invocation, Console& console);
int run_list(const Invocation& invocation, Console& console);
int run_version(const Invocation& invocation, Console& console);

}  // namespace tapehead
