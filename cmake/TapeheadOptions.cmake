# What every target is compiled with.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# A project that takes tapehead in as a part of itself wants the library: neither its tests nor its program, nor to be
# stopped by its warnings.
set(tests_by_default OFF)
if(PROJECT_IS_TOP_LEVEL)
  set(tests_by_default AUTO)
endif()
set(TAPEHEAD_TESTS ${tests_by_default} CACHE STRING "Build the tests: ON, OFF, or AUTO: where GoogleTest is installed")
option(TAPEHEAD_PROGRAM "Build the program, and not the library alone" ${PROJECT_IS_TOP_LEVEL})
option(TAPEHEAD_INSTALL "Install with the project" ${PROJECT_IS_TOP_LEVEL})
option(TAPEHEAD_STRICT "Take a warning for an error" ${PROJECT_IS_TOP_LEVEL})
option(TAPEHEAD_NATIVE "Tune to the processor that builds (the binary may not run on another)" ON)
option(TAPEHEAD_FUZZ "Build the fuzz targets for libFuzzer, and no other test (needs clang)" OFF)
set(TAPEHEAD_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=…; empty for none")

add_library(tapehead_flags INTERFACE)
target_compile_options(tapehead_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow $<$<BOOL:${TAPEHEAD_STRICT}>:-Werror>
  # Neither flag changes a value: they free the vectoriser from errno and from floating-point traps.
  -fno-math-errno -fno-trapping-math)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlapping copies in operator+ of std::string that are not there (GCC bug 105651).
  target_compile_options(tapehead_flags INTERFACE -Wno-restrict)
endif()
if(TAPEHEAD_NATIVE)
  target_compile_options(tapehead_flags INTERFACE -march=native)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^12[.]"
     AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    # With AVX-512, g++ 12 stores the 32-byte constant {x, x, 0, 0} as {x, x, x, x}: it takes a wide integer whose leading
    # zeros are not stored for a broadcast. Constants moved in 16-byte pieces come out right; vector loops are not touched.
    target_compile_options(tapehead_flags INTERFACE -mmove-max=128 -mstore-max=128)
  endif()
endif()
if(NOT TAPEHEAD_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Release")
  # A mistake with memory that slips through ends the program, and is no way in: checked copies, guarded stacks, and tables of
  # addresses that cannot be written once the program has started.
  target_compile_options(tapehead_flags INTERFACE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  target_link_options(tapehead_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(TAPEHEAD_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 warns of uninitialised memory where the sanitizers' own code hides an initialisation.
    target_compile_options(tapehead_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
  # The check of virtual tables asks through a pipe whether memory may be read, and a confined child has none to ask with.
  target_compile_options(tapehead_flags INTERFACE -fsanitize=${TAPEHEAD_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(tapehead_flags INTERFACE -fsanitize=${TAPEHEAD_SANITIZE})
endif()

# What is not hot (the program around the library, the tests) compiles in two thirds of the time. The second flag keeps
# products and sums fused as everywhere else, so that a number does not depend on the file that it was computed in.
add_library(tapehead_cool_flags INTERFACE)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(tapehead_cool_flags INTERFACE -O1 $<$<CXX_COMPILER_ID:GNU>:-fexpensive-optimizations>)
endif()
target_link_libraries(tapehead_cool_flags INTERFACE tapehead_flags)
