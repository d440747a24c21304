#include "autograd/base/limits.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string_view>
#include <thread>
#include <vector>

#include "autograd/base/file.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

std::vector<std::string> words_of(const std::string& line, char separator) {
  std::vector<std::string> words;
  std::istringstream in(line);
  for (std::string word; std::getline(in, word, separator);) words.push_back(word);
  return words;
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// In mountinfo a space is \040.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// The number that a file begins with. "max" and what the first version calls no limit (as good as 2^63) are none.
std::optional<double> number_in(const fs::path& path) {
  double number = 0;
  if (!(std::istringstream(text_if_any(path)) >> number) || number < 0 || number > 0x1p62) return std::nullopt;
  return number;
}

// The sum of some lines `key value` of a file.
double sum_of_keys(const fs::path& path, const std::vector<std::string>& keys) {
  double sum = 0;
  std::istringstream in(text_if_any(path));
  std::string key;
  for (double value = 0; in >> key >> value;) {
    if (contains(keys, key)) sum += value;
  }
  return sum;
}

// A hierarchy of groups as it is mounted here, and this process's place in it.
struct Hierarchy {
  bool second_version = false;
  fs::path mount;
  fs::path group;  // a folder at or below `mount`
};

// Line of mountinfo: id parent device root mount-point options … - type source super-options (proc(5)).
std::optional<Hierarchy> hierarchy_in(const fs::path& process, const std::string& controller) {
  std::optional<std::string> first, second;  // paths of the group, by version
  std::istringstream groups(text_if_any(process / "cgroup"));
  for (std::string line; std::getline(groups, line);) {
    const std::size_t a = line.find(':');
    const std::size_t b = line.find(':', a + 1);
    if (a == std::string::npos || b == std::string::npos) continue;
    const std::string controllers = line.substr(a + 1, b - a - 1);
    if (controllers.empty()) second = line.substr(b + 1);
    if (contains(words_of(controllers, ','), controller)) first = line.substr(b + 1);
  }
  std::istringstream mounts(text_if_any(process / "mountinfo"));
  for (std::string line; std::getline(mounts, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string> left = words_of(line.substr(0, dash), ' ');
    const std::vector<std::string> right = words_of(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    const bool is_first = first && right[0] == "cgroup" && contains(words_of(right[2], ','), controller);
    const bool is_second = !first && second && right[0] == "cgroup2";
    if (!is_first && !is_second) continue;
    const std::string root = unescaped(left[3]);
    std::string group = is_first ? *first : *second;
    // In a container the mount may show a part of the tree, or the group may lie outside of what is shown.
    if (root != "/" && group.starts_with(root)) group.erase(0, root.size());
    if (group.find("..") != std::string::npos) group.clear();
    const fs::path mount = unescaped(left[4]);
    const fs::path own = mount / fs::path(group).relative_path();
    return Hierarchy{is_second, mount, is_folder(own) ? own : mount};
  }
  return std::nullopt;
}

// The least over a group and those above it, up to the mount.
template <class F>
double least_over_groups(const Hierarchy& hierarchy, F&& limit_in) {
  double least = kUnlimited;
  fs::path group = hierarchy.group;
  for (;;) {
    least = std::min(least, limit_in(group));
    if (group == hierarchy.mount || !group.has_relative_path()) return least;
    group = group.parent_path();
  }
}

double memory_in(const fs::path& group, bool second_version) {
  const auto most = [&]() -> std::optional<double> {
    if (!second_version) return number_in(group / "memory.limit_in_bytes");
    const auto max = number_in(group / "memory.max");
    const auto high = number_in(group / "memory.high");  // above it the process is slowed to a crawl
    return max && high ? std::min(*max, *high) : max ? max : high;
  }();
  const auto used = number_in(group / (second_version ? "memory.current" : "memory.usage_in_bytes"));
  if (!most || !used) return kUnlimited;
  const double reclaimable =
      second_version ? sum_of_keys(group / "memory.stat", {"inactive_file", "active_file", "slab_reclaimable"})
                     : sum_of_keys(group / "memory.stat", {"total_inactive_file", "total_active_file"});
  return std::clamp(*most - *used + reclaimable, 0.0, *most);
}

double processors_in(const fs::path& group, bool second_version) {
  std::optional<double> quota, period;
  if (second_version) {
    double a = 0, b = 0;  // "max 100000" is no limit
    if (std::istringstream(text_if_any(group / "cpu.max")) >> a >> b) quota = a, period = b;
  } else {
    quota = number_in(group / "cpu.cfs_quota_us");  // -1: no limit
    period = number_in(group / "cpu.cfs_period_us");
  }
  return quota && period && *period > 0 ? *quota / *period : kUnlimited;
}

double available_by_system() {
  std::istringstream in(text_if_any("/proc/meminfo"));
  std::string key;
  for (double kibibytes = 0; in >> key >> kibibytes; in.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    if (key == "MemAvailable:") return 1024 * kibibytes;
  }
  return kUnlimited;
}

// What is left below a limit of the process, of which it has taken `pages`.
double left_below(int resource, double pages) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return kUnlimited;
  return std::max(0.0, static_cast<double>(limit.rlim_cur) - pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
}

double available_by_process() {
  double size = 0, resident = 0, shared = 0, text = 0, library = 0, data = 0;
  std::istringstream(text_if_any("/proc/self/statm")) >> size >> resident >> shared >> text >> library >> data;
  return std::min(left_below(RLIMIT_AS, size), left_below(RLIMIT_DATA, data));
}

}  // namespace

ControlGroupLimits control_group_limits(const std::string& process) {
  ControlGroupLimits limits;
  if (const auto memory = hierarchy_in(process, "memory")) {
    limits.memory =
        least_over_groups(*memory, [&](const fs::path& group) { return memory_in(group, memory->second_version); });
  }
  if (const auto cpu = hierarchy_in(process, "cpu")) {
    limits.processors =
        least_over_groups(*cpu, [&](const fs::path& group) { return processors_in(group, cpu->second_version); });
  }
  return limits;
}

double available_memory() {
  return std::min({available_by_system(), control_group_limits().memory, available_by_process()});
}

int thread_count(std::int64_t wanted) { return wanted > 0 ? static_cast<int>(wanted) : available_processors(); }

int available_processors() {
  cpu_set_t bound;
  const int counted =
      sched_getaffinity(0, sizeof(bound), &bound) == 0
          ? CPU_COUNT(&bound)
          : static_cast<int>(std::thread::hardware_concurrency());  // more processors than a cpu_set_t holds
  const double share = std::ceil(control_group_limits().processors);
  return std::max(1, static_cast<int>(std::min(static_cast<double>(counted), share)));
}

}  // namespace tapehead
