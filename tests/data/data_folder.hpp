#pragma once

#include <cstdlib>
#include <string>

namespace tapehead::testing_support {

/// The shared data folder: environment variable TAPEHEAD_DATA, or where the build knows it to be.
inline std::string data_folder() {
  const char* given = std::getenv("TAPEHEAD_DATA");
  return given != nullptr && *given != '\0' ? given : TAPEHEAD_DATA_DEFAULT;
}

}  // namespace tapehead::testing_support
