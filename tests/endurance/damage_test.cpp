// Checkpoints that something happened to, given to every command that reads one: one line that says so, status 2, and
// nothing else.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <iostream>
#include <map>

#include "autograd/base/random.hpp"
#include "tests/endurance/child.hpp"
#include "tests/experiments/program_support.hpp"
#include "trainers/checkpoint/detail/hdf5_image.hpp"
#include "trainers/checkpoint/detail/sealed_file.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

// Makes one kind of damage after another, each from its number alone.
class Damage {
 public:
  explicit Damage(std::string whole) : whole_(std::move(whole)) {}

  struct Case {
    std::string kind, bytes;
  };

  Case make(std::uint32_t number) const {
    const RandomStream random(7, Purpose::test, number);
    std::uint32_t drawn = 0;
    const auto below = [&](std::size_t bound) {
      return static_cast<std::size_t>(random.below(std::max<std::size_t>(bound, 1), drawn++));
    };
    std::string bytes = whole_;
    switch (number % 9) {
      case 0: {
        for (std::size_t flips = 1 + below(3); flips > 0; --flips) {
          bytes[below(bytes.size())] ^= static_cast<char>(1U << below(8));
        }
        return {"flipped bits", bytes};
      }
      case 1:
        return {"cut off", bytes.substr(0, below(bytes.size()))};
      case 2: {
        const std::size_t size = std::size_t{1} << (4 + below(9));
        char* a = bytes.data() + below(bytes.size() / size) * size;
        char* b = bytes.data() + below(bytes.size() / size) * size;
        if (a != b) std::swap_ranges(a, a + size, b);
        return {"swapped blocks", bytes};
      }
      case 3: {
        const std::size_t at = below(bytes.size());
        const std::size_t size = std::min(bytes.size() - at, 1 + below(4096));
        bytes.replace(at, size, size, below(2) == 0 ? '\0' : '\xff');
        return {"overwritten block", bytes};
      }
      case 4: {
        const std::size_t size = 1 + below(2048);
        const std::string piece = bytes.substr(below(bytes.size()), size);
        bytes.replace(std::min(below(bytes.size()), bytes.size() - piece.size()), piece.size(), piece);
        return {"block of elsewhere", bytes};
      }
      case 5:
        return {"appended bytes", bytes + std::string(1 + below(5000), static_cast<char>(below(256)))};
      case 6:
        bytes.erase(below(bytes.size()), 1 + below(600));
        return {"missing block", bytes};
      case 7: {
        std::string noise;
        for (std::size_t i = below(6000); i > 0; --i) noise += static_cast<char>(below(256));
        return {"noise", below(2) == 0 ? noise : bytes.substr(0, 512) + noise};
      }
      default: {
        static const std::vector<std::string> foreign{"",
                                                      "\n",
                                                      "step,learning_rate\n1,2\n",
                                                      "\x89PNG\r\n\x1a\n",
                                                      "\x89HDF\r\n\x1a\n",
                                                      "task = copy\n",
                                                      "PK\x03\x04",
                                                      "tapehead checkpoint\n",
                                                      std::string(512, '\0'),
                                                      std::string(100000, 'x')};
        const std::string& content = foreign[below(foreign.size())];
        return {"foreign file",
                below(2) == 0 ? content : content + bytes.substr(std::min<std::size_t>(content.size(), 512))};
      }
    }
  }

 private:
  std::string whole_;
};

class Damaged : public InFolder {
 protected:
  void SetUp() override { ASSERT_EQ(run(tiny_train(path("run"))).status, 0); }

  // What reads a checkpoint; each is given the same file.
  std::vector<std::vector<std::string>> commands() const {
    return {{"eval", path("run")},
            {"predict", path("run/checkpoint.h5")},
            {"inspect", path("run"), "--input", "1 2"},
            {"summary", path("run")},
            {"train", "--resume", "--out", path("run"), "--steps", "13"},
            {"gradcheck", "--checkpoint", path("run")},
            tiny_train(path("other"), {"--init", path("run")})};
  }

  void put(const std::string& bytes) const {
    std::ofstream(path("run/checkpoint.h5"), std::ios::binary | std::ios::trunc) << bytes;
  }

  static void expect_refusal(const Ran& ran, const std::string& what) {
    EXPECT_EQ(ran.status, 2) << what;
    EXPECT_EQ(ran.out, "") << what;
    EXPECT_TRUE(ran.err.starts_with("tapehead: checkpoint: ")) << what << "\n" << ran.err;
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << what << "\n" << ran.err;
    EXPECT_LT(ran.err.size(), 500U) << what;
  }
};

TEST_F(Damaged, CheckpointsEndInOneLineWhateverReadsThem) {
  const std::string whole = read("run/checkpoint.h5");
  const std::string metrics = read("run/metrics.csv");
  const Damage damage(whole);
  std::map<std::string, int> made;
  const auto wanted = static_cast<std::uint32_t>(endurance(700, 10400));
  for (std::uint32_t i = 0; i < wanted && !testing::Test::HasFailure(); ++i) {
    const Damage::Case damaged = damage.make(i);
    if (damaged.bytes == whole) continue;  // the same blocks swapped, say
    ++made[damaged.kind];
    put(damaged.bytes);
    const auto words = commands()[i % commands().size()];
    expect_refusal(run(words), fmt::format("case {}, {}: {}", i, damaged.kind, fmt::join(words, " ")));
    EXPECT_EQ(read("run/checkpoint.h5"), damaged.bytes) << "evidence is not to be touched";
  }
  EXPECT_EQ(read("run/metrics.csv"), metrics);
  EXPECT_FALSE(std::filesystem::exists(path("other")));
  put(whole);
  EXPECT_EQ(run({"eval", path("run")}).status, 0);
  for (const auto& [kind, count] : made) std::cout << fmt::format("{}: {}\n", kind, count);
}

// In a process of its own nothing can be hidden: neither a crash nor a line of the libraries.
TEST_F(Damaged, TheProgramItselfSaysOneLine) {
  const Damage damage(read("run/checkpoint.h5"));
  const std::string whole = read("run/checkpoint.h5");
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(endurance(20, 200)); ++i) {
    const Damage::Case damaged = damage.make(i + 20000);
    if (damaged.bytes == whole) continue;
    put(damaged.bytes);
    Child child(TAPEHEAD_PROGRAM, commands()[i % commands().size()], path("log"));
    const int status = child.wait();
    expect_refusal({status, "", read("log")}, fmt::format("case {}, {}", i, damaged.kind));
  }
}

// Whole files, rightly sealed, that do not fit: of a later version, or with another model's parameters under this
// configuration.
TEST_F(Damaged, WholeCheckpointsOfSomethingElseAreRefusedToo) {
  const auto sealed = [&](const Hdf5Image& image) { write_sealed(path("run/checkpoint.h5"), image.bytes()); };
  Hdf5Image later;
  later.set_attribute("/", "format", std::string("tapehead-checkpoint"));
  later.set_attribute("/", "version", std::uint64_t{2});
  sealed(later);
  for (const auto& words : commands()) expect_refusal(run(words), "a later version");

  ASSERT_EQ(run(tiny_train(path("wider"), {"--d-model", "12"})).status, 0);
  std::filesystem::copy_file(path("wider/checkpoint.h5"), path("run/checkpoint.h5"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(run({"eval", path("run")}).status, 0) << "it is whole, and says itself what model it is";
  EXPECT_THAT(run({"train", "--resume", "--out", path("run"), "--d-model", "8", "--steps", "13"}).err,
              HasSubstr("--d-model: the run was begun with 12, not 8"));
  expect_refusal(run(tiny_train(path("other"), {"--init", path("run")})), "another model's");
}

}  // namespace
}  // namespace tapehead
