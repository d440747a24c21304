#pragma once

// Sweeps that take a moment, and what their results are changed to.

#include <fmt/format.h>

#include <functional>

#include "datasets/digest.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {

/// The tiny training run, as a grid of 2 × 1 cells with two seeds.
class Ablate : public InFolder {
 protected:
  std::vector<std::string> words(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> grid{"--vary", "heads=1,2"};
    if (std::ranges::find(more, "--seeds") == more.end()) grid.insert(grid.end(), {"--seeds", "2"});
    grid.insert(grid.end(), more.begin(), more.end());
    return tiny_ablate(path("grid"), grid);
  }
};

/// A sweep over text, whose files can change under it.
class AblateText : public Ablate {
 protected:
  void SetUp() override {
    write("train.tsv", pairs(60, 1));
    write("valid.tsv", pairs(12, 2));
    write("test.tsv", pairs(20, 3));
  }

  static std::string pairs(int count, unsigned seed) {
    std::string text;
    unsigned state = seed;
    const auto letter = [&] {
      return static_cast<char>('a' + (state = state * 1'664'525U + 1'013'904'223U) / 65'536U % 5);
    };
    for (int i = 0; i < count; ++i) {
      const std::string source{letter(), ' ', letter(), ' ', letter()};
      std::string target = source;
      std::ranges::transform(target, target.begin(),
                             [](char c) { return c == ' ' ? c : static_cast<char>(c - 'a' + 'A'); });
      text += source + "\t" + target + "\n";
    }
    return text;
  }

  std::vector<std::string> text_words(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{"ablate"};
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"train", path("train.tsv")},
                                                                                      {"valid", path("valid.tsv")},
                                                                                      {"test", path("test.tsv")},
                                                                                      {"d-model", "8"},
                                                                                      {"d-ff", "8"},
                                                                                      {"layers", "1"},
                                                                                      {"batch", "8"},
                                                                                      {"steps", "12"},
                                                                                      {"log-every", "4"},
                                                                                      {"seeds", "1"},
                                                                                      {"out", path("grid")}}) {
      all.insert(all.end(), {"--" + name, value});
    }
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

/// Replaces a part of a result, and its digest unless that is to be wrong.
inline void change_result(const std::string& path, const std::function<void(nlohmann::ordered_json&)>& change,
                          bool sealed) {
  nlohmann::ordered_json object = nlohmann::ordered_json::parse(std::ifstream(path));
  const std::string digest = object["digest"];
  object.erase("digest");
  change(object);
  object["digest"] = sealed ? fmt::format("{:016x}", digest_bytes(object.dump())) : digest;
  std::ofstream(path) << object.dump(2);
}

}  // namespace tapehead
