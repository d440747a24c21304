#include "tests/structure/includes.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace tapehead {
namespace {

namespace fs = std::filesystem;

// Who may include whom.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"autograd/base", {"autograd/base"}},
    {"autograd", {"autograd/base", "autograd"}},
    {"layers", {"autograd/base", "autograd", "layers"}},
    {"datasets", {"autograd/base", "datasets"}},
    {"trainers", {"autograd/base", "autograd", "layers", "datasets", "trainers"}},
    {"experiments", {"autograd/base", "autograd", "layers", "datasets", "trainers", "experiments"}},
};

// The folder of the table that a path from the root lies in; empty for any other.
std::string folder_of(const std::string& path) {
  if (path.starts_with("autograd/base/")) return "autograd/base";
  const std::string top = path.substr(0, path.find('/'));
  return path.size() > top.size() && kMayInclude.contains(top) ? top : "";
}

bool is_source(const fs::path& path) {
  static const std::set<std::string> kEndings = {".hpp", ".cpp", ".h", ".cc", ".inl", ".in"};
  return kEndings.contains(path.extension().string());
}

void check_file(const fs::path& root, const fs::path& file, std::vector<std::string>& found) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*(["<])([^">]+)[">].*)re");
  const std::string name = fs::relative(file, root).generic_string();
  const std::string from = folder_of(name);
  std::ifstream text(file);
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    std::smatch match;
    if (!std::regex_match(line, match, kInclude)) continue;
    const std::string path = match[2];
    const std::string to = folder_of(fs::path(path).lexically_normal().generic_string());
    const std::string where = name + ":" + std::to_string(number) + ": ";
    if (to.empty() && match[1] == "\"") {
      found.push_back(where + "\"" + path + "\" is no path from the root into a folder of the library");
    } else if (!to.empty() && !kMayInclude.at(from).contains(to)) {
      found.push_back(where + from + " must not include " + to + " (" + path + ")");
    }
  }
}

}  // namespace

std::vector<std::string> forbidden_includes(const fs::path& root) {
  std::vector<std::string> found;
  for (const auto& [folder, allowed] : kMayInclude) {
    if (folder == "autograd/base" || !fs::exists(root / folder)) continue;  // base is walked with autograd
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.is_regular_file() && is_source(entry.path())) check_file(root, entry.path(), found);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace tapehead
