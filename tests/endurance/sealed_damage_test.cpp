// Checkpoints whose HDF5 structure or numbers somebody damaged and sealed again, so that the digest is right. Whatever
// reads them ends: with a result, or with one line and status 2; in little time and memory.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <chrono>
#include <iostream>
#include <map>

#include "autograd/base/random.hpp"
#include "tests/endurance/child.hpp"
#include "tests/experiments/program_support.hpp"
#include "trainers/checkpoint/detail/sealed_file.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kSeal = 512;

// Changes bytes behind the seal, most of them where HDF5 keeps its structure; a function of the number alone.
class SealedDamage {
 public:
  explicit SealedDamage(const std::string& whole) : content_(whole.substr(kSeal)) {
    for (const char* mark : {"TREE", "SNOD", "HEAP", "GCOL", "\x89HDF"}) {
      for (std::size_t at = content_.find(mark); at != std::string::npos; at = content_.find(mark, at + 1)) {
        marks_.push_back(at);
      }
    }
  }

  std::string make(std::uint32_t number) const {
    const RandomStream random(11, Purpose::test, number);
    std::uint32_t drawn = 0;
    const auto below = [&](std::size_t bound) {
      return static_cast<std::size_t>(random.below(std::max<std::size_t>(bound, 1), drawn++));
    };
    std::string bytes = content_;
    for (std::size_t edits = 1 + below(below(2) == 0 ? 3 : 40); edits > 0; --edits) {
      const bool anywhere = below(4) == 0;
      const std::size_t first = anywhere ? 0 : marks_[below(marks_.size())];
      const std::size_t at = std::min(first + below(anywhere ? bytes.size() : 600), bytes.size() - 17);
      const std::size_t word = at / 8 * 8;
      switch (below(8)) {
        case 0:
        case 1:
          bytes[at] ^= static_cast<char>(1U << below(8));
          break;
        case 2:
          bytes[at] = static_cast<char>(below(256));
          break;
        case 3:
          bytes.replace(word, 8, 8, below(2) == 0 ? '\xff' : '\0');
          break;
        case 4: {  // a number where another, or an address, was
          const std::uint64_t value = below(2) == 0 ? below(1 << 12) : std::uint64_t{1} << below(64);
          bytes.replace(word, 8, reinterpret_cast<const char*>(&value), 8);
          break;
        }
        case 5:  // an address of somewhere else
          bytes.replace(word, 8, bytes.substr(below(bytes.size() - 8) / 8 * 8, 8));
          break;
        case 6: {
          const std::size_t size = 8 * (1 + below(64));
          const std::string piece = bytes.substr(marks_[below(marks_.size())], size);
          bytes.replace(std::min(word, bytes.size() - piece.size()), piece.size(), piece);
          break;
        }
        default: {
          const float value = below(2) == 0 ? 3e38F : std::numeric_limits<float>::quiet_NaN();
          bytes.replace(word, 4, reinterpret_cast<const char*>(&value), 4);
        }
      }
    }
    return bytes;
  }

 private:
  std::string content_;
  std::vector<std::size_t> marks_;
};

class SealedDamaged : public InFolder {
 protected:
  struct Kind {
    std::string name;
    std::vector<std::string> train;
    std::string input;
  };

  void SetUp() override {
    std::string pairs;
    for (int i = 0; i < 40; ++i) pairs += fmt::format("{} {} a\t{} {} b\n", i % 7, i % 5, i % 5, i % 7);
    write("pairs.tsv", pairs);
    const std::vector<std::string> text{"train",
                                        "--train",
                                        path("pairs.tsv"),
                                        "--valid",
                                        path("pairs.tsv"),
                                        "--test",
                                        path("pairs.tsv"),
                                        "--d-model",
                                        "8",
                                        "--heads",
                                        "2",
                                        "--d-ff",
                                        "8",
                                        "--layers",
                                        "1",
                                        "--batch",
                                        "8",
                                        "--steps",
                                        "12",
                                        "--out",
                                        path("text")};
    kinds_ = {{"copy", tiny_train(path("copy")), "1 2"},
              {"decoder", tiny_train(path("decoder"), {"--model", "decoder"}), "1 2"},
              {"text", text, "1 2 a"}};
    for (const Kind& kind : kinds_) {
      const Ran ran = run(kind.train);
      ASSERT_EQ(ran.status, 0) << ran.err;
    }
  }

  std::vector<std::vector<std::string>> commands(const Kind& kind) const {
    const std::string folder = path(kind.name);
    std::vector<std::string> init = kind.train;
    std::ranges::replace(init, folder, path("other"));
    init.insert(init.end(), {"--init", folder});
    return {{"eval", folder, "--threads", "1"},
            {"inspect", folder, "--input", kind.input},
            {"train", "--resume", "--out", folder, "--steps", "13", "--threads", "1"},
            {"summary", folder},
            init};
  }

  static double processor_seconds(int who) {
    rusage usage{};
    ::getrusage(who, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  }

  std::vector<Kind> kinds_;
};

// The real program, so that nothing can be hidden. Under TAPEHEAD_ENDURANCE ten thousand files.
TEST_F(SealedDamaged, CheckpointsEndInAResultOrOneLine) {
  std::vector<SealedDamage> damages;
  std::vector<std::string> metrics;
  for (const Kind& kind : kinds_) {
    damages.emplace_back(read(kind.name + "/checkpoint.h5"));
    metrics.push_back(read(kind.name + "/metrics.csv"));
  }
  std::map<std::string, int> ends;
  double longest = 0;
  double largest = 0;
  const auto wanted = static_cast<std::uint32_t>(endurance(240, 10080));
  for (std::uint32_t i = 0; i < wanted && !HasFailure(); ++i) {
    const std::size_t k = i % kinds_.size();
    const auto& kind = kinds_[k];
    const std::string file = path(kind.name + "/checkpoint.h5");
    const std::string bytes = damages[k].make(i);
    std::filesystem::remove(file);
    write_sealed(file, std::as_bytes(std::span(bytes)));
    const auto all = commands(kind);
    const auto& words = all[i / kinds_.size() % all.size()];
    const std::string what = fmt::format("case {}: {}", i, fmt::join(words, " "));

    const double before = processor_seconds(RUSAGE_CHILDREN);
    Child child(TAPEHEAD_PROGRAM, words, path("log"));
    const int status = child.wait();
    const double seconds = processor_seconds(RUSAGE_CHILDREN) - before;
    const std::string said = read("log");
    longest = std::max(longest, seconds);
    largest = std::max(largest, child.peak_bytes());
    EXPECT_TRUE(status == 0 || status == 2) << what << " ended with " << status << "\n" << said;
    EXPECT_LT(seconds, 2) << what;
    EXPECT_LT(child.peak_bytes(), 4 * static_cast<double>(bytes.size()) + 100e6) << what;
    if (status == 2) {
      EXPECT_NE(said.find("tapehead: "), std::string::npos) << what << "\n" << said;
      EXPECT_LT(said.size(), 2000U) << what;
    }
    ++ends[status == 0                                                ? "a result"
           : said.find("HDF5 could not read it") != std::string::npos ? "the child failed"
                                                                      : "refused by name"];
    std::filesystem::remove_all(path("other"));
    write(kind.name + "/metrics.csv", metrics[k]);
  }
  EXPECT_GT(ends["a result"], 0) << "some damage hits numbers alone";
  EXPECT_GT(ends["refused by name"], 0);
  for (const auto& [end, count] : ends) std::cout << fmt::format("{}: {}\n", end, count);
  std::cout << fmt::format("at most {:.2f} s of processor time and {:.0f} MB\n", longest, largest / 1e6);
}

}  // namespace
}  // namespace tapehead
