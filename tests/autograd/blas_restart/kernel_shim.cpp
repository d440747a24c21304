// Preloaded in front of OpenBLAS: plays a library that does not know its processor. As in the real one, the environment
// is read when the library is loaded and never again.
//   SHIM_STUCK    the kernel stays low whatever is asked for
//   SHIM_NO_EXEC  programs cannot be started
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace {

std::string kernel_at_load() {
  const char* asked = std::getenv("OPENBLAS_CORETYPE");
  return asked && !std::getenv("SHIM_STUCK") ? asked : "Prescott";
}

std::string kernel = kernel_at_load();

}  // namespace

extern "C" char* openblas_get_corename() { return kernel.data(); }

extern "C" int execv(const char* path, char* const* arguments) noexcept {
  if (std::getenv("SHIM_NO_EXEC")) {
    errno = EACCES;
    return -1;
  }
  return execve(path, arguments, environ);
}
