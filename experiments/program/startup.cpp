// Runs before any constructor, so before the C library is wholly set up: system calls, the stack, and functions that
// keep no state. Compiled for the oldest processor, like processor.cpp.
#include "experiments/program/startup.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/program/processor.hpp"

namespace tapehead {
namespace {

constexpr const char* kThreads = "OPENBLAS_NUM_THREADS";
constexpr const char* kThreadsOfUser = "TAPEHEAD_OPENBLAS_NUM_THREADS";  // empty: the user gave none

// The value of a variable, or null. (The C library does not know its environment yet.)
const char* value_in(char** environment, const char* name) {
  const size_t length = strlen(name);
  for (char** entry = environment; *entry != nullptr; ++entry) {
    if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') return *entry + length + 1;
  }
  return nullptr;
}

void refuse_older_processor() {
  const std::uint32_t missing = kNeededInstructions & ~available_instructions();
  if (missing == 0) return;
  char text[512];
  const int length = describe_missing_instructions(missing, text, sizeof(text));
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text, static_cast<size_t>(length));
  _exit(2);
}

// Reading from a closed standard input and writing to a closed standard output stay errors; what is written to a closed
// standard error is lost, as was asked for.
void open_standard_descriptors() {
  constexpr int kModes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    // The lowest free number is taken, which is this one: those below are open by now.
    if (fcntl(descriptor, F_GETFD) == -1) open("/dev/null", kModes[descriptor]);
  }
}

void start_over_with_one_blas_thread(char** arguments, char** environment) {
  const char* threads = value_in(environment, kThreads);
  if (threads != nullptr && strcmp(threads, "1") == 0) return;
  char path[4096];  // by its own name, which `ps` shows
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
  if (length <= 0) return;
  path[length] = '\0';

  size_t count = 0;
  while (environment[count] != nullptr) ++count;
  const size_t user_length = threads == nullptr ? 0 : strlen(threads);
  if (user_length > 64) return;
  char of_user[128];
  strcpy(of_user, kThreadsOfUser);
  strcat(of_user, "=");
  if (threads != nullptr) strcat(of_user, threads);
  char one[] = "OPENBLAS_NUM_THREADS=1";
  auto** changed = static_cast<char**>(__builtin_alloca((count + 3) * sizeof(char*)));
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    if (strncmp(environment[i], one, sizeof(one) - 2) != 0) changed[kept++] = environment[i];
  }
  changed[kept++] = one;
  changed[kept++] = of_user;
  changed[kept] = nullptr;
  execve(path, arguments, changed);
  execve("/proc/self/exe", arguments, changed);  // its file was replaced or removed meanwhile
  // Where neither works the program goes on as it is.
}

void start(int, char** arguments, char** environment) {
  open_standard_descriptors();
  refuse_older_processor();
  start_over_with_one_blas_thread(arguments, environment);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const kStart)(int, char**, char**) = start;

}  // namespace

void restore_environment() {
  const char* of_user = getenv(kThreadsOfUser);
  if (of_user == nullptr) return;
  if (*of_user == '\0') {
    unsetenv(kThreads);
  } else {
    setenv(kThreads, of_user, 1);
  }
  unsetenv(kThreadsOfUser);
}

}  // namespace tapehead
