# tapehead_library(NAME SOURCES a.cpp … [USES tapehead::other …] [PRIVATE_USES package …] [PRECOMPILED <header> …] [COOL])
#
# One folder, one target: `tapehead::NAME`, with the repository as its include root and its dependencies declared. COOL:
# no loop in it is hot, so compiling fast counts for more than running fast. PRECOMPILED: heavy headers of many of its sources.
function(tapehead_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "COOL" "" "SOURCES;USES;PRIVATE_USES;PRECOMPILED")
  add_library(tapehead_${name} STATIC ${arg_SOURCES})
  add_library(tapehead::${name} ALIAS tapehead_${name})
  target_include_directories(tapehead_${name} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>")
  target_compile_features(tapehead_${name} PUBLIC cxx_std_20)
  set(flags tapehead_flags)
  if(arg_COOL)
    set(flags tapehead_cool_flags)
  endif()
  target_link_libraries(tapehead_${name} PUBLIC ${arg_USES} PRIVATE $<BUILD_INTERFACE:${flags}> ${arg_PRIVATE_USES})
  tapehead_precompile(tapehead_${name} HEADERS ${arg_PRECOMPILED})
endfunction()
