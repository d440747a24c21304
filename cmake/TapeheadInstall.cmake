# What `cmake --install` puts where: the program, the libraries with their headers, and what find_package(tapehead) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(libraries tapehead_base tapehead_autograd tapehead_armadillo tapehead_check tapehead_layers tapehead_datasets tapehead_trainers)
foreach(library IN LISTS libraries)
  string(REPLACE "tapehead_" "" name "${library}")
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(${library} INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/tapehead>")
endforeach()

if(TARGET tapehead)
  install(TARGETS tapehead RUNTIME)
endif()
if(TARGET tapehead_allocations)
  install(TARGETS tapehead_allocations LIBRARY DESTINATION lib/tapehead)  # where the program looks, beside its bin
endif()
install(TARGETS ${libraries} EXPORT tapehead ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/tapehead)

# Headers in a folder `detail` are the library's own.
foreach(folder autograd layers datasets trainers)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tapehead
    FILES_MATCHING PATTERN "*.hpp" PATTERN "detail" EXCLUDE)
endforeach()

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/tapehead)
install(EXPORT tapehead NAMESPACE tapehead:: DESTINATION ${package_folder} FILE tapeheadTargets.cmake)
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/tapeheadConfig.cmake.in" "${PROJECT_BINARY_DIR}/tapeheadConfig.cmake"
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/tapeheadConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/tapeheadConfig.cmake" "${PROJECT_BINARY_DIR}/tapeheadConfigVersion.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/TapeheadDependencies.cmake" DESTINATION ${package_folder})
