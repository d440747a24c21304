#include "tests/structure/includes.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <string_view>

namespace tapehead {
namespace {

namespace fs = std::filesystem;

// Who may include whom.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"autograd/base", {"autograd/base"}},
    {"autograd", {"autograd/base", "autograd"}},
    {"autograd/check", {"autograd/base", "autograd", "autograd/check"}},
    {"layers", {"autograd/base", "autograd", "layers"}},
    {"datasets", {"autograd/base", "datasets"}},
    {"trainers", {"autograd/base", "autograd", "layers", "datasets", "trainers"}},
    {"experiments", {"autograd/base", "autograd", "autograd/check", "layers", "datasets", "trainers", "experiments"}},
};

// The folder of the table that a path from the root lies in; empty for any other.
std::string folder_of(const std::string& path) {
  for (const char* part : {"autograd/base", "autograd/check"}) {
    if (path.starts_with(std::string(part) + "/")) return part;
  }
  const std::string top = path.substr(0, path.find('/'));
  return path.size() > top.size() && kMayInclude.contains(top) ? top : "";
}

bool is_source(const fs::path& path) {
  static const std::set<std::string> kEndings = {".hpp", ".cpp", ".h", ".cc", ".inl", ".in"};
  return kEndings.contains(path.extension().string());
}

// What a line includes, with the mark that opens it: `"a.hpp` or `<vector`; empty for any other line.
std::string_view included(std::string_view line) {
  const auto skip = [&line](std::string_view word) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.starts_with(word)) return false;
    line.remove_prefix(word.size());
    return true;
  };
  if (!skip("#") || !skip("include") || !skip("") || line.empty() || (line[0] != '"' && line[0] != '<')) return {};
  const auto end = line.find(line[0] == '"' ? '"' : '>', 1);
  return line.substr(0, end);
}

void check_file(const fs::path& root, const fs::path& file, std::vector<std::string>& found) {
  const std::string name = fs::relative(file, root).generic_string();
  const std::string from = folder_of(name);
  std::ifstream text(file);
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    const std::string_view include = included(line);
    if (include.empty()) continue;
    const std::string path(include.substr(1));
    const std::string to = folder_of(fs::path(path).lexically_normal().generic_string());
    const std::string where = name + ":" + std::to_string(number) + ": ";
    if (to.empty() && include[0] == '"') {
      found.push_back(where + "\"" + path + "\" is no path from the root into a folder of the library");
    } else if (!to.empty() && !kMayInclude.at(from).contains(to)) {
      found.push_back(where + from + " must not include " + to + " (" + path + ")");
    }
  }
}

void check_opening(const fs::path& root, const fs::path& file, std::vector<std::string>& found) {
  const std::string name = fs::relative(file, root).generic_string();
  std::ifstream text(file);
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    for (const char* way : {"<fstream>", "fopen(", "freopen("}) {
      if (line.find(way) == std::string::npos) continue;
      found.push_back(name + ":" + std::to_string(number) + ": " + way +
                      " opens files; read and write them by autograd/base/file.hpp and output_file.hpp");
    }
  }
}

// Calls check(root, file, found) for each source of the library's folders; what it found, sorted.
template <class Check>
std::vector<std::string> found_in_sources(const fs::path& root, const Check& check) {
  std::vector<std::string> found;
  for (const auto& [folder, allowed] : kMayInclude) {
    if (folder.find('/') != std::string::npos || !fs::exists(root / folder))
      continue;  // parts are walked with their folder
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.is_regular_file() && is_source(entry.path())) check(root, entry.path(), found);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::vector<std::string> forbidden_includes(const fs::path& root) { return found_in_sources(root, check_file); }

std::vector<std::string> files_opened_past_the_module(const fs::path& root) {
  return found_in_sources(root, check_opening);
}

}  // namespace tapehead
