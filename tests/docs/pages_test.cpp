// Pages that show what the program prints: every command of theirs is run, and prints what stands below it.
// `make pages` writes what is printed now into the pages, and the pictures that the commands make beside them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = "<!-- Outputs are written by `make pages`. -->";
const fs::path kDocs = fs::path(PROJECT_FOLDER) / "docs";

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

bool writes() { return std::getenv("TAPEHEAD_WRITE_PAGES") != nullptr; }

// Words as a shell splits them, as far as pages need it: blanks, and both kinds of quotes.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  bool inside = false;
  char quote = 0;
  for (const char c : line) {
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      if (!inside) words.emplace_back();
      inside = true;
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && c == ' ') {
      inside = false;
    } else {
      if (!inside) words.emplace_back();
      inside = true;
      words.back() += c;
    }
  }
  return words;
}

// The page with the output of every command in its blocks "```console" as it is now.
std::string rewritten(const std::string& page) {
  std::istringstream in(page);
  std::string out;
  bool inside = false, skipping = false;
  for (std::string line; std::getline(in, line);) {
    if (line == "```console") inside = true;
    if (inside && line == "```") inside = skipping = false;
    if (!inside || line.rfind("$ ", 0) != 0) {
      if (!skipping) out += line + "\n";
      continue;
    }
    out += line + "\n";
    std::string command = line.substr(2);
    while (command.ends_with('\\') && std::getline(in, line)) {
      out += line + "\n";
      command.back() = ' ';
      command += line;
    }
    std::vector<std::string> words = words_of(command);
    EXPECT_EQ(words.at(0), "tapehead") << command;
    words.erase(words.begin());
    const Ran ran = run(words, {}, 80);
    EXPECT_EQ(ran.status, 0) << command << "\n" << ran.err;
    out += ran.out + ran.err;
    skipping = true;
  }
  return out;
}

std::vector<fs::path> pages() {
  std::set<fs::path> found;
  for (const auto& entry : fs::directory_iterator(kDocs)) {
    if (entry.path().extension() == ".md" && text_of(entry.path()).find(kMark) != std::string::npos) {
      found.insert(entry.path());
    }
  }
  return {found.begin(), found.end()};
}

// Commands run in an empty folder; what they write there are the pictures.
class Pages : public InFolder {
 protected:
  Pages() : before_(fs::current_path()) { fs::current_path(path("")); }
  ~Pages() override { fs::current_path(before_); }

 private:
  fs::path before_;
};

TEST_F(Pages, ShowWhatTheProgramPrints) {
  ASSERT_FALSE(pages().empty());
  for (const fs::path& page : pages()) {
    const std::string text = text_of(page);
    const std::string now = rewritten(text);
    if (writes()) {
      std::ofstream(page, std::ios::binary) << now;
    } else {
      EXPECT_EQ(text, now) << page << " shows what is printed no longer; type `make pages`";
    }
  }
  for (const auto& made : fs::directory_iterator(path(""))) {
    if (made.path().extension() != ".svg") continue;
    const fs::path kept = kDocs / "pictures" / made.path().filename();
    if (writes()) {
      fs::create_directories(kept.parent_path());
      fs::copy_file(made.path(), kept, fs::copy_options::overwrite_existing);
    } else {
      EXPECT_EQ(text_of(kept), text_of(made.path())) << kept << " is another picture; type `make pages`";
    }
  }
}

// Every picture and file that a page names is there.
TEST_F(Pages, NameNothingThatIsMissing) {
  for (const fs::path& page : pages()) {
    const std::string text = text_of(page);
    for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 2)) {
      const std::string target = text.substr(at + 2, text.find(')', at) - at - 2);
      if (target.rfind("http", 0) == 0 || target.rfind('#', 0) == 0) continue;
      EXPECT_TRUE(fs::exists(kDocs / target)) << page << " names " << target;
    }
  }
}

}  // namespace
}  // namespace tapehead
