// What may be taken, read from trees like those that the kernel shows.

#include "autograd/base/limits.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace tapehead {
namespace {

namespace fs = std::filesystem;

class ControlGroups : public testing::Test {
 protected:
  ControlGroups() : root_(fs::temp_directory_path() / ("tapehead_groups_" + std::to_string(getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "proc");
  }
  ~ControlGroups() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  // A line of mountinfo that shows `shown` of a tree at `folder`.
  std::string mount(const std::string& shown, const std::string& folder, const std::string& rest) const {
    return "36 31 0:33 " + shown + " " + (root_ / folder).string() + " rw,relatime shared:9 - " + rest + "\n";
  }
  ControlGroupLimits limits() const { return control_group_limits((root_ / "proc").string()); }

 private:
  fs::path root_;
};

TEST_F(ControlGroups, TheGroupOfTheProcessCountsAndNotTheRoot) {
  write("proc/cgroup", "0::/user/job\n");
  write("proc/mountinfo", mount("/", "fs", "cgroup2 cgroup2 rw,nsdelegate"));
  write("fs/user/job/memory.max", "1000000000\n");
  write("fs/user/job/memory.current", "300000000\n");
  write("fs/user/job/memory.stat", "anon 50000000\n");
  EXPECT_EQ(limits().memory, 7e8);
}

TEST_F(ControlGroups, PageCacheIsNotTaken) {
  write("proc/cgroup", "0::/job\n");
  write("proc/mountinfo", mount("/", "fs", "cgroup2 cgroup2 rw"));
  write("fs/job/memory.max", "1000\n");
  write("fs/job/memory.current", "990\n");
  write("fs/job/memory.stat", "anon 100\nfile 800\ninactive_file 500\nactive_file 300\nslab_reclaimable 60\n");
  EXPECT_EQ(limits().memory, 1000 - 990 + 860);
}

TEST_F(ControlGroups, TheTightestOfAllAboveCounts) {
  write("proc/cgroup", "0::/a/b/c\n");
  write("proc/mountinfo", mount("/", "fs", "cgroup2 cgroup2 rw"));
  write("fs/a/b/c/memory.max", "max\n");
  write("fs/a/b/c/memory.current", "10\n");
  write("fs/a/b/memory.max", "5000\n");
  write("fs/a/b/memory.high", "3000\n");
  write("fs/a/b/memory.current", "1000\n");
  write("fs/a/memory.max", "9000\n");
  write("fs/a/memory.current", "1000\n");
  EXPECT_EQ(limits().memory, 2000);
}

TEST_F(ControlGroups, TheFirstVersionIsReadWhereItHasTheController) {
  write("proc/cgroup", "9:name=systemd:/x\n4:memory,hugetlb:/process/one\n2:cpu,cpuacct:/two\n0::/y\n");
  write("proc/mountinfo", mount("/", "memory", "cgroup cgroup rw,memory,hugetlb") +
                              mount("/", "cpu", "cgroup cgroup rw,cpu,cpuacct") +
                              mount("/", "unified", "cgroup2 cgroup2 rw"));
  write("memory/process/one/memory.limit_in_bytes", "4000\n");
  write("memory/process/one/memory.usage_in_bytes", "3500\n");
  write("memory/process/one/memory.stat", "cache 1\ninactive_file 1\ntotal_inactive_file 200\ntotal_active_file 100\n");
  write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("memory/memory.usage_in_bytes", "77\n");
  write("cpu/two/cpu.cfs_quota_us", "150000\n");
  write("cpu/two/cpu.cfs_period_us", "100000\n");
  write("cpu/cpu.cfs_quota_us", "-1\n");
  write("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limits().memory, 800);
  EXPECT_EQ(limits().processors, 1.5);
}

TEST_F(ControlGroups, AContainerThatShowsAPartOfTheTreeIsUnderstood) {
  write("proc/cgroup", "0::/docker/abc/inner\n");
  write("proc/mountinfo", mount("/docker/abc", "with\\040space", "cgroup2 cgroup2 rw"));
  write("with space/inner/memory.max", "500\n");
  write("with space/inner/memory.current", "100\n");
  write("with space/cpu.max", "200000 100000\n");
  EXPECT_EQ(limits().memory, 400);
  EXPECT_EQ(limits().processors, 2);
  write("proc/cgroup", "0::/../elsewhere\n");
  write("with space/memory.max", "300\n");
  write("with space/memory.current", "100\n");
  EXPECT_EQ(limits().memory, 200) << "a group outside of what is shown";
}

TEST_F(ControlGroups, WhatCannotBeReadSetsNoLimit) {
  EXPECT_TRUE(std::isinf(limits().memory)) << "no files";
  write("proc/cgroup", "nonsense\n0::\n");
  write("proc/mountinfo", "1 2 3\n - \n36 31 0:33 / /nowhere rw - cgroup2\n");
  EXPECT_TRUE(std::isinf(limits().memory) && std::isinf(limits().processors));
  write("proc/cgroup", "0::/job\n");
  write("proc/mountinfo", mount("/", "fs", "cgroup2 cgroup2 rw"));
  write("fs/job/memory.max", "max\n");
  write("fs/job/memory.current", "10\n");
  write("fs/job/cpu.max", "max 100000\n");
  EXPECT_TRUE(std::isinf(limits().memory) && std::isinf(limits().processors));
}

TEST_F(ControlGroups, MoreThanTheLimitIsNeverFree) {
  write("proc/cgroup", "0::/job\n");
  write("proc/mountinfo", mount("/", "fs", "cgroup2 cgroup2 rw"));
  write("fs/job/memory.max", "100\n");
  write("fs/job/memory.current", "150\n");
  EXPECT_EQ(limits().memory, 0);
  write("fs/job/memory.stat", "inactive_file 500\n");
  EXPECT_EQ(limits().memory, 100);
}

TEST(Limits, WhatIsAvailableIsLessThanTheMachineHasAndHeedsLimits) {
  const double available = available_memory();
  EXPECT_GT(available, 1e7);
  EXPECT_LT(available, 1e16);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_DATA, &before), 0);
  rlimit lower = before;
  lower.rlim_cur = std::min<rlim_t>(before.rlim_max, rlim_t{1} << 46U);
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &lower), 0);
  EXPECT_LT(available_memory(), static_cast<double>(lower.rlim_cur)) << "some of it is taken";
  setrlimit(RLIMIT_DATA, &before);
}

TEST(Limits, ProcessorsAreThoseThatTheProcessIsBoundTo) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_LE(available_processors(), CPU_COUNT(&before));
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(available_processors(), 1);
  sched_setaffinity(0, sizeof(before), &before);
}

}  // namespace
}  // namespace tapehead
