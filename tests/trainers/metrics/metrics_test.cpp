#include "trainers/metrics/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "autograd/base/errors.hpp"
#include "trainers/metrics/token_counts.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;

// What is measured on data whose characters nobody counts.
std::vector<MetricSpec> metrics_of_tokens() {
  std::vector<MetricSpec> metrics = token_metrics();
  std::erase_if(metrics, [](const MetricSpec& metric) { return metric.needs == NeededOfData::characters; });
  return metrics;
}

class Metrics : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("tapehead_metrics_" + std::to_string(getpid()));
    fs::remove_all(folder_);
    fs::create_directory(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path() const { return (folder_ / "metrics.csv").string(); }

  std::vector<std::string> lines() const {
    std::vector<std::string> found;
    std::ifstream in(path());
    for (std::string line; std::getline(in, line);) found.push_back(line);
    return found;
  }

  // Rows for steps 10, 20, …, `last`.
  void write_rows(std::int64_t last) const {
    MetricsFile file(path(), metrics_of_tokens(), 0);
    for (std::int64_t step = 10; step <= last; step += 10) file.write({.step = step, .train_loss = 2});
  }

  fs::path folder_;
};

const std::string kHeader =
    "step,learning_rate,train_loss,gradient_norm,seconds,valid_loss,valid_perplexity,valid_token_accuracy,"
    "valid_exact_match,valid_loss_all_tokens,valid_token_accuracy_without_end,valid_unknown_share";

TEST_F(Metrics, RowsAreOnDiskAtOnce) {
  MetricsFile file(path(), metrics_of_tokens(), 0);
  EXPECT_EQ(lines(), (std::vector<std::string>{kHeader}));
  file.write({.step = 10, .learning_rate = 0.5, .train_loss = 2.25, .gradient_norm = 3, .seconds = 1.5});
  EXPECT_EQ(lines(), (std::vector<std::string>{kHeader, "10,0.5,2.25,3,1.500,,,,,,,"}));
  const Evaluation validation{.results = {{"loss", 0.5},
                                          {"perplexity", 1.75},
                                          {"loss_all_tokens", 0.375},
                                          {"token_accuracy", 0.25},
                                          {"token_accuracy_without_end", 0.0625},
                                          {"exact_match", 0.125},
                                          {"unknown_share", 0.75}}};
  file.write(
      {.step = 20, .learning_rate = 1, .train_loss = 2, .gradient_norm = 4, .seconds = 3, .validation = &validation});
  EXPECT_EQ(lines(), (std::vector<std::string>{kHeader, "10,0.5,2.25,3,1.500,,,,,,,",
                                               "20,1,2,4,3.000,0.5,1.75,0.25,0.125,0.375,0.0625,0.75"}));
}

// Whatever is measured has its column, in the order that it asks for, and what asks for none has none.
TEST_F(Metrics, ColumnsFollowFromWhatIsMeasured) {
  const std::vector<MetricSpec> metrics{
      {"b", "", Better::lower, "", 2}, {"unseen", "count"}, {"a", "share", Better::higher, "", 1}};
  MetricsFile file(path(), metrics, 0);
  const Evaluation validation{.results = {{"unseen", 9}, {"b", 2.5}}};
  file.write({.step = 1, .train_loss = 2, .validation = &validation});
  EXPECT_EQ(lines(), (std::vector<std::string>{"step,learning_rate,train_loss,gradient_norm,seconds,valid_a,valid_b",
                                               "1,0,2,0,0.000,nan,2.5"}));
}

TEST_F(Metrics, NumbersReadBackToTheBit) {
  const double numbers[] = {0.1, 1.0 / 3, 2e-310, 1.7976931348623157e308};
  for (const double number : numbers) {
    MetricsFile file(path(), metrics_of_tokens(), 0);
    file.write({.step = 1, .learning_rate = number});
    const std::string row = lines().at(1);
    double back = 0;
    std::from_chars(row.data() + 2, row.data() + row.find(',', 2), back);
    EXPECT_EQ(back, number) << row;
  }
}

TEST_F(Metrics, ResumingKeepsRowsUpToItsStep) {
  write_rows(40);
  const std::vector<std::string> before = lines();
  ASSERT_EQ(before.size(), 5U);
  MetricsFile file(path(), metrics_of_tokens(), 25);
  EXPECT_EQ(lines(), std::vector<std::string>(before.begin(), before.begin() + 3));
  file.write({.step = 30, .train_loss = 7});
  EXPECT_EQ(lines().size(), 4U);
  EXPECT_EQ(lines().back(), "30,0,7,0,0.000,,,,,,,");
}

TEST_F(Metrics, ResumingAtARowKeepsIt) {
  write_rows(40);
  const MetricsFile file(path(), metrics_of_tokens(), 30);
  EXPECT_EQ(lines().size(), 4U);
}

TEST_F(Metrics, ARowThatWasCutOffEndsWhatIsKept) {
  write_rows(20);
  std::ofstream(path(), std::ios::app) << "3";
  const MetricsFile file(path(), metrics_of_tokens(), 100);
  EXPECT_EQ(lines().size(), 3U);
}

// A row is 30,0,2,0,0.000,,,,,,, with its line break; each of its parts may be all that reached the disk.
TEST_F(Metrics, ARowIsTornWhereverItIsCutOff) {
  write_rows(30);
  const auto whole = fs::file_size(path());
  const std::uintmax_t row = std::string_view("30,0,2,0,0.000,,,,,,,\n").size();
  for (std::uintmax_t cut = 1; cut <= row; ++cut) {
    write_rows(30);
    fs::resize_file(path(), whole - cut);
    const MetricsFile file(path(), metrics_of_tokens(), 100);
    EXPECT_EQ(lines().size(), 3U) << "without its last " << cut << " bytes";
  }
}

// Earlier versions wrote fewer columns.
TEST_F(Metrics, RowsOfAnOlderFileAreKeptWithEmptyCells) {
  std::ofstream(path()) << kHeader.substr(0, kHeader.find(",valid_loss_all"))
                        << "\n10,1,2,3,4.000,,,,\n20,1,2,3,4.000,5,6,7,8\n30,1";
  const MetricsFile file(path(), metrics_of_tokens(), 100);
  EXPECT_EQ(lines(), (std::vector<std::string>{kHeader, "10,1,2,3,4.000,,,,,,,", "20,1,2,3,4.000,5,6,7,8,,,"}));
}

TEST_F(Metrics, StartingAnewForgetsOldRows) {
  write_rows(40);
  const MetricsFile file(path(), metrics_of_tokens(), 0);
  EXPECT_EQ(lines(), (std::vector<std::string>{kHeader}));
}

TEST_F(Metrics, ResumingWithoutAFileStartsOne) {
  const MetricsFile file(path(), metrics_of_tokens(), 30);
  EXPECT_EQ(lines(), (std::vector<std::string>{kHeader}));
}

TEST_F(Metrics, LeavesNothingBesideTheFile) {
  write_rows(40);
  const MetricsFile file(path(), metrics_of_tokens(), 20);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(Metrics, UnwritablePathIsRefused) {
  EXPECT_THAT([&] { MetricsFile((folder_ / "missing" / "metrics.csv").string(), metrics_of_tokens(), 0); },
              testing::ThrowsMessage<CheckpointError>(testing::HasSubstr("cannot be written")));
  fs::create_directory(folder_ / "metrics.csv");
  EXPECT_THAT([&] { MetricsFile(path(), metrics_of_tokens(), 0); },
              testing::ThrowsMessage<CheckpointError>(testing::HasSubstr("cannot be written")));
}

// As far as a process can have a full disk.
TEST_F(Metrics, AFullDiskIsReportedAndLeavesWhatWasThere) {
  write_rows(40);
  const std::vector<std::string> before = lines();
  const auto full = [&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{20, 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      MetricsFile(path(), metrics_of_tokens(), 30);
    } catch (const CheckpointError& error) {
      const std::string_view message = error.what();
      std::_Exit(message.find("cannot be written (File too large)") != std::string_view::npos ? 42 : 1);
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(full(), testing::ExitedWithCode(42), "");
  EXPECT_EQ(lines(), before);
  EXPECT_FALSE(fs::exists(path() + ".new"));
}

TEST_F(Metrics, AReadErrorLosesNoRows) {
  fs::create_symlink("/proc/self/mem", path());  // its first page is never there: EIO
  EXPECT_THAT([&] { MetricsFile(path(), metrics_of_tokens(), 30); },
              testing::ThrowsMessage<CheckpointError>(testing::HasSubstr("cannot be read (Input/output error)")));
  EXPECT_TRUE(fs::is_symlink(path()));
  EXPECT_FALSE(fs::exists(path() + ".new"));
}

TEST_F(Metrics, AHoleThatAPowerCutLeftEndsWhatIsKept) {
  write_rows(20);
  fs::resize_file(path(), std::uintmax_t{3} << 30U);
  const MetricsFile file(path(), metrics_of_tokens(), 100);
  EXPECT_EQ(lines().size(), 3U);
}

TEST_F(Metrics, AFileThatWasTakenAwayIsMissed) {
  MetricsFile file(path(), metrics_of_tokens(), 0);
  file.flush_to_disk();
  fs::remove(path());
  EXPECT_THAT([&] { file.flush_to_disk(); },
              testing::ThrowsMessage<CheckpointError>(testing::HasSubstr("No such file or directory")));
}

}  // namespace
}  // namespace tapehead
