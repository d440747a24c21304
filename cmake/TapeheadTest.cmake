# tapehead_test(NAME SOURCES a_test.cpp … USES tapehead::x … [LABELS data])
#
# One test program for a folder; ctest sees each test of it by name.
include(GoogleTest)
find_package(GTest REQUIRED)  # Debian: libgtest-dev, libgmock-dev

function(tapehead_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES;LABELS;DEFINITIONS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tapehead_cool_flags ${arg_USES} GTest::gmock GTest::gtest_main)
  tapehead_precompile(${name} HEADERS <gmock/gmock.h> <gtest/gtest.h>)
  target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
  if(NOT arg_LABELS)
    set(arg_LABELS self-contained)  # an empty label would swallow the property after it
  endif()
  gtest_discover_tests(${name} NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 600)
endfunction()
