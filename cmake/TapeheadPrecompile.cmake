# tapehead_precompile(TARGET [HEADERS <a> …])
#
# What nearly every source includes is read once for a target, in place of once for each source: a third of the time of a build.
# It changes no code. A build through ccache goes without (what it finds again costs nothing, and a precompiled header would
# hide that from it), and so does clang: there a source that forgets an #include still fails.
set(precompile_by_default OFF)
if(PROJECT_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_CXX_COMPILER_LAUNCHER
   AND CMAKE_BUILD_TYPE STREQUAL "Release")
  set(precompile_by_default ON)
endif()
option(TAPEHEAD_PRECOMPILE "Read the common headers once for each target" ${precompile_by_default})

function(tapehead_precompile target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS")
  if(NOT TAPEHEAD_PRECOMPILE)
    return()
  endif()
  target_precompile_headers(${target} PRIVATE
    <algorithm> <array> <cmath> <cstdint> <functional> <map> <memory> <optional> <span> <stdexcept> <string> <string_view>
    <utility> <vector> ${arg_HEADERS})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # Through a precompiled header g++ 12 takes the library's own headers for the project's, and warns of copies in std::string
    # that are not there (GCC bug 105329).
    target_compile_options(${target} PRIVATE -Wno-stringop-overflow -Wno-array-bounds)
  endif()
endfunction()
