# What is needed to build: headers that become part of the library, and what the program alone uses.

find_package(utf8cpp REQUIRED)
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
find_path(XSIMD_INCLUDE_DIR xsimd/xsimd.hpp REQUIRED)
if(TAPEHEAD_PROGRAM)
  find_package(nlohmann_json REQUIRED)
  find_package(Boost REQUIRED COMPONENTS program_options)
endif()
