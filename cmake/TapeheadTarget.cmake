# tapehead_library(NAME SOURCES a.cpp … [USES tapehead::other …] [PRIVATE_USES package …])
#
# One folder, one target: `tapehead::NAME`, with the repository as its include root and its dependencies declared.
function(tapehead_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES;PRIVATE_USES")
  add_library(tapehead_${name} STATIC ${arg_SOURCES})
  add_library(tapehead::${name} ALIAS tapehead_${name})
  target_include_directories(tapehead_${name} PUBLIC "${PROJECT_SOURCE_DIR}")
  target_link_libraries(tapehead_${name} PUBLIC ${arg_USES} PRIVATE tapehead_flags ${arg_PRIVATE_USES})
endfunction()
