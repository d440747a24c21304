// Words, names and what a checkpoint says of itself, with control characters and marks of direction in them: nothing of
// the kind reaches a terminal, whatever the command.

#include <gmock/gmock.h>

#include "tests/experiments/program_support.hpp"
#include "tests/support/unseen.hpp"
#include "trainers/checkpoint/detail/sealed_file.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

class HostileText : public InFolder {
 protected:
  // A checkpoint whose bytes were changed and that was sealed again. Equal lengths keep it whole.
  void replace_in_checkpoint(const std::string& what, const std::string& by) const {
    ASSERT_EQ(what.size(), by.size());
    std::vector<std::byte> bytes = read_sealed(path("run/checkpoint.h5"));
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    ASSERT_NE(text.find(what), std::string::npos) << what;
    for (std::size_t at; (at = text.find(what)) != std::string::npos;) text.replace(at, what.size(), by);
    write_sealed(path("run/checkpoint.h5"), std::as_bytes(std::span(text)));
  }

  static std::string all_of(const Ran& ran) { return ran.out + ran.err; }

  void train() {
    const std::string pairs = write("pairs.tsv", "inone intwo inthree\toutone outtwo outthree\ninone\toutone\n");
    const Ran ran = run({"train", "--train", pairs, "--test", pairs, "--layers", "1", "--heads", "1", "--d-model", "4",
                         "--d-ff", "4", "--batch", "2", "--steps", "2", "--out", path("run")});
    ASSERT_EQ(ran.status, 0) << ran.err;
  }
};

TEST_F(HostileText, OfACheckpointIsSpelledOutByEveryCommand) {
  train();
  replace_in_checkpoint("intwo", "a\x1b[7m");
  replace_in_checkpoint("inthree", "b\u202ec\u009b");
  for (const char* word : {"outone", "outtwo"}) replace_in_checkpoint(word, std::string("\x1b[7m\x07") + word[3]);
  replace_in_checkpoint("outthree", "x\ny\u009b31m");
  replace_in_checkpoint("tapehead 0.", "\x1b]0;\u202ehey\x07");
  const std::string run_folder = path("run");
  int seen = 0;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"predict", run_folder},
                                             {"inspect", run_folder, "--input", "inone", "--color", "never"},
                                             {"eval", run_folder, "--examples", "2"},
                                             {"summary", run_folder},
                                             {"gradcheck", "--checkpoint", run_folder},
                                             {"gradcheck", "--checkpoint", run_folder, "--sharpness"},
                                             {"train", "--resume", "--steps", "4", "--out", run_folder}}) {
    const Ran ran = run(words, "inone\n");
    EXPECT_EQ(unseen_in(all_of(ran)), "") << words[0] << "\n" << all_of(ran);
    if (words[0] == "predict") {
      EXPECT_EQ(std::ranges::count(ran.out, '\n'), 1) << ran.out;
    }
    seen += all_of(ran).find("\\x1b") != std::string::npos;
  }
  EXPECT_GE(seen, 2) << "the words were not shown at all";
  const Ran json = run({"inspect", run_folder, "--input", "inone", "--json"});
  EXPECT_EQ(json.status, 0) << json.err;
  EXPECT_EQ(unseen_in(json.out), "");
}

TEST_F(HostileText, InNamesOfFilesIsSpelledOut) {
  const std::string name = path("a\x1b[31m\u009b1m\u202e\x07");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"eval", name},
                                             {"summary", name},
                                             {"train", "--config", name, "--out", path("out")},
                                             {"train", "--train", name, "--out", path("out")},
                                             {"attend", "--query", name, "--key", name},
                                             {"train", "--resume", "--out", name},
                                             {name},
                                             {"train", "copy", "--" + name}}) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 2);
    EXPECT_EQ(unseen_in(all_of(ran)), "") << words[0];
    EXPECT_THAT(ran.err, HasSubstr("a\\x1b[31m\\x9b1m\\u202e\\x07"));
  }
  // A run in such a folder is shown with its name: when it starts, in its table, and in JSON.
  const Ran trained = run(tiny_train(name));
  EXPECT_EQ(trained.status, 0) << trained.err;
  EXPECT_EQ(unseen_in(all_of(trained)), "");
  EXPECT_THAT(trained.out, HasSubstr("a\\x1b[31m"));
  const Ran json = run(tiny_train(name + "2", {"--json"}));
  EXPECT_EQ(unseen_in(all_of(json)), "");
  EXPECT_EQ(json.json()["checkpoint"], name + "2/checkpoint.h5");
  const Ran swept = run({"ablate", "--task", "copy", "--layers", "1", "--d-model", "4", "--d-ff", "4", "--steps", "1",
                         "--vary", "heads=1,2", "--seeds", "1", "--out", name + "3"});
  EXPECT_EQ(swept.status, 0) << swept.err;
  EXPECT_EQ(unseen_in(all_of(swept)), "");
}

TEST_F(HostileText, InDataIsSpelledOut) {
  const std::string pairs = write("p\x1b[31m.tsv", "a\tb\nno pair\nc\u202ed\te\u200ff\n");
  const Ran ran = run({"train", "--train", pairs, "--layers", "1", "--heads", "1", "--d-model", "4", "--d-ff", "4",
                       "--batch", "2", "--steps", "1", "--out", path("run")});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(unseen_in(all_of(ran)), "");
  const Ran shown = run({"inspect", path("run"), "--input", "c\u202ed"});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_EQ(unseen_in(all_of(shown)), "");
}

}  // namespace
}  // namespace tapehead
