# What the library stands on, all from Debian's packages; the README says what each is for. An installed tapehead looks for the
# same, by this file.

find_package(Threads REQUIRED)
find_package(BLAS REQUIRED)
find_package(LAPACK REQUIRED)
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc)
find_package(Armadillo REQUIRED)
# By path and library: FindHDF5 wants a project to speak C too.
find_path(HDF5_INCLUDE_DIR hdf5.h PATH_SUFFIXES hdf5/serial REQUIRED)
find_library(HDF5_LIBRARY NAMES hdf5_serial hdf5 PATH_SUFFIXES hdf5/serial REQUIRED)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)

# Libraries that come without targets of their own.
if(NOT TARGET tapehead_needs::hdf5)
  add_library(tapehead_needs::hdf5 INTERFACE IMPORTED)
  target_link_libraries(tapehead_needs::hdf5 INTERFACE ${HDF5_LIBRARY})
  target_include_directories(tapehead_needs::hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIR})
  add_library(tapehead_needs::xxhash INTERFACE IMPORTED)
  target_link_libraries(tapehead_needs::xxhash INTERFACE ${XXHASH_LIBRARY})
  target_include_directories(tapehead_needs::xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE_DIR})
endif()
