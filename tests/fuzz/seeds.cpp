// libFuzzer begins with files: FUZZ_SEEDS=FOLDER makes it write the target's own into a folder, and end.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  std::filesystem::create_directories(folder);
  int count = 0;
  for (const std::string& seed : tapehead::fuzz_seeds()) {
    std::ofstream(std::string(folder) + "/seed" + std::to_string(count++), std::ios::binary) << seed;
  }
  std::exit(0);
}
