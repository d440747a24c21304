#include "experiments/bench/allocation_counter.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tapehead {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPreload = "LD_PRELOAD";
constexpr const char* kPreloadOfUser = "TAPEHEAD_LD_PRELOAD";  // set: this is the second start
constexpr const char* kLibrary = "libtapehead-allocations.so";

// What the counting library offers; null where it is not loaded.
struct Counting {
  void (*count)(bool) = nullptr;
  std::int64_t (*allocations)() = nullptr;
};

const Counting& counting() {
  static const Counting found{reinterpret_cast<void (*)(bool)>(dlsym(RTLD_DEFAULT, "tapehead_count_allocations")),
                              reinterpret_cast<std::int64_t (*)()>(dlsym(RTLD_DEFAULT, "tapehead_allocations"))};
  return found;
}

fs::path counting_library() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& path : {folder / kLibrary, folder.parent_path() / "lib/tapehead" / kLibrary}) {
    if (fs::exists(path, error)) return path;
  }
  return {};
}

// What is started from here, a peer to compare with, must not count.
void restore_preload() {
  const char* of_user = std::getenv(kPreloadOfUser);
  if (*of_user == '\0') {
    unsetenv(kPreload);
  } else {
    setenv(kPreload, of_user, 1);
  }
  unsetenv(kPreloadOfUser);
}

}  // namespace

bool AllocationCounter::available() { return counting().count != nullptr && counting().allocations != nullptr; }

AllocationCounter::AllocationCounter() {
  if (available()) counting().count(true);
}

AllocationCounter::~AllocationCounter() {
  if (available()) counting().count(false);
}

std::int64_t AllocationCounter::count() const { return available() ? counting().allocations() : 0; }

void start_over_counting_allocations(char** arguments) {
  if (std::getenv(kPreloadOfUser) != nullptr) return restore_preload();
  const fs::path library = counting_library();
  if (AllocationCounter::available() || library.empty()) return;
  const char* of_user = std::getenv(kPreload);
  const std::string before = of_user == nullptr ? "" : of_user;
  setenv(kPreloadOfUser, before.c_str(), 1);
  setenv(kPreload, (library.string() + (before.empty() ? "" : ":" + before)).c_str(), 1);
  execv("/proc/self/exe", arguments);
  restore_preload();  // it could not be started over, and goes on without counting
}

}  // namespace tapehead
