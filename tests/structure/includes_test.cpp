#include "tests/structure/includes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace tapehead {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

// A small tree of sources that is gone with the test.
class Tree {
 public:
  Tree() {
    std::string name = (fs::temp_directory_path() / "tapehead_includes_XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
    root_ = name;
  }
  ~Tree() { fs::remove_all(root_); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  const fs::path& root() const { return root_; }
  std::vector<std::string> forbidden() const { return forbidden_includes(root_); }

 private:
  fs::path root_;
};

TEST(Includes, ThisProjectsPointDownwards) {
  const fs::path root = PROJECT_ROOT;
  for (const char* folder : {"autograd", "layers", "trainers", "datasets", "experiments"}) {
    ASSERT_TRUE(fs::exists(root / folder)) << folder;
  }
  EXPECT_THAT(forbidden_includes(root), IsEmpty());
}

TEST(Files, AreOpenedByOneModule) {
  EXPECT_THAT(files_opened_past_the_module(PROJECT_ROOT), IsEmpty());
  const Tree tree;
  tree.write("datasets/pairs.cpp", "#include <string>\n#include <fstream>\n");
  tree.write("trainers/log.cpp", "  FILE* log = std::fopen(name, \"a\");\n");
  EXPECT_THAT(files_opened_past_the_module(tree.root()),
              ElementsAre(testing::HasSubstr("datasets/pairs.cpp:2: <fstream> opens files"),
                          testing::HasSubstr("trainers/log.cpp:1: fopen( opens files")));
}

TEST(Includes, DownwardsIsAllowed) {
  const Tree tree;
  tree.write("autograd/base/errors.hpp", "#include <string>\n");
  tree.write("autograd/tape.hpp", "#include \"autograd/base/errors.hpp\"\n");
  tree.write("layers/linear.cpp", "#include \"layers/linear.hpp\"\n#include \"autograd/ops/affine.hpp\"\n");
  tree.write("datasets/copy.cpp", "#include \"autograd/base/random.hpp\"\n");
  tree.write("trainers/trainer.cpp", "#include \"datasets/batch.hpp\"\n#include \"layers/linear.hpp\"\n");
  tree.write("experiments/commands/train.cpp", "#include \"trainers/trainer.hpp\"\n");
  EXPECT_THAT(tree.forbidden(), IsEmpty());
}

TEST(Includes, EveryUpwardEdgeIsFoundWithItsLine) {
  const Tree tree;
  tree.write("autograd/base/random.cpp", "\n#include \"autograd/tape.hpp\"\n");
  tree.write("autograd/kernels/gemm.cpp", "#include \"autograd/check/check.hpp\"\n");
  tree.write("autograd/tape.cpp", "#include <vector>\n\n#include \"layers/linear.hpp\"\n");
  tree.write("datasets/copy.hpp", "  #  include   \"autograd/tape.hpp\"  // why not\n");
  tree.write("datasets/reverse.hpp", "#include \"trainers/trainer.hpp\"\n");
  tree.write("layers/models/decoder.cpp", "#include \"datasets/batch.hpp\"\n");
  tree.write("layers/attention/mask.cpp", "#include <trainers/adam.hpp>\n");
  tree.write("trainers/trainer.cpp", "#include \"experiments/report.hpp\"\n");
  EXPECT_THAT(
      tree.forbidden(),
      ElementsAre("autograd/base/random.cpp:2: autograd/base must not include autograd (autograd/tape.hpp)",
                  "autograd/kernels/gemm.cpp:1: autograd must not include autograd/check (autograd/check/check.hpp)",
                  "autograd/tape.cpp:3: autograd must not include layers (layers/linear.hpp)",
                  "datasets/copy.hpp:1: datasets must not include autograd (autograd/tape.hpp)",
                  "datasets/reverse.hpp:1: datasets must not include trainers (trainers/trainer.hpp)",
                  "layers/attention/mask.cpp:1: layers must not include trainers (trainers/adam.hpp)",
                  "layers/models/decoder.cpp:1: layers must not include datasets (datasets/batch.hpp)",
                  "trainers/trainer.cpp:1: trainers must not include experiments (experiments/report.hpp)"));
}

TEST(Includes, NoWayAroundTheCheck) {
  const Tree tree;
  tree.write("autograd/a.cpp", "#include \"autograd/../layers/linear.hpp\"\n");
  tree.write("autograd/b.cpp", "#include \"../layers/linear.hpp\"\n");
  tree.write("autograd/c.cpp", "#include \"tape.hpp\"\n");
  tree.write("autograd/d.cpp", "#include \"tests/support/counting.hpp\"\n");
  const std::string wrong = " is no path from the root into a folder of the library";
  EXPECT_THAT(tree.forbidden(), ElementsAre("autograd/a.cpp:1: autograd must not include layers "
                                            "(autograd/../layers/linear.hpp)",
                                            "autograd/b.cpp:1: \"../layers/linear.hpp\"" + wrong,
                                            "autograd/c.cpp:1: \"tape.hpp\"" + wrong,
                                            "autograd/d.cpp:1: \"tests/support/counting.hpp\"" + wrong));
}

}  // namespace
}  // namespace tapehead
