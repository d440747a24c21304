// Files of pairs: from bytes to words to ids and back.

#include <algorithm>

#include "autograd/base/text.hpp"
#include "datasets/readers/text.hpp"
#include "datasets/vocabularies/tokenizer.hpp"
#include "tests/fuzz/target.hpp"

namespace tapehead {

std::vector<std::string> fuzz_seeds() {
  return {"",
          "good day\tдобър ден\n",
          "I'm well-known, at 2:30.\tA\r\n\"quoted\" „и така“\tb\tthird field\n\nno pair\n",
          std::string("\xef\xbb\xbf") + "a\tb\n",
          "\xff\tb\n",
          std::string("a") + '\0' + "b\tc\n"};
}

}  // namespace tapehead

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tapehead;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (is_utf8(text)) {
    for (const Tokenizer tokenizer : {Tokenizer::words, Tokenizer::characters}) {
      const std::vector<std::string> words = tokenize(text, tokenizer);
      require(words.empty() == is_blank(text), "a blank line has words, or another has none");
      for (const std::string& word : words) {
        require(is_utf8(word), "a word is not UTF-8");
        require(!word.empty(), "a word is empty");
        require(tokenizer == Tokenizer::characters || tokenize(word).size() == 1,
                "a word is taken apart when it is read again");
      }
      const std::string line = detokenize(words, tokenizer);
      require(is_utf8(line), "a line is not UTF-8");
      require(tokenizer == Tokenizer::words || tokenize(line, tokenizer) == words, "characters do not come back");
    }
  }

  const std::string path = file_with("pairs.tsv", text);
  succeeds([&] {
    const TextDataset dataset({.train = path, .valid = path, .max_length = 40});
    require(dataset.size(Split::validation) >= dataset.report().training_pairs, "pairs are lost");
    require(dataset.report().validation.seen_in_training >= 1, "the training file's own pairs are not known again");
    Batch batch;
    batch.reserve(3, dataset.shape());
    dataset.fill_training_batch(1, 1, 3, batch);
    require(batch.examples() == 3 && batch.counted_tokens() >= 3, "a batch is not full");
    for (const std::string& word : dataset.source_vocabulary().words()) {
      require(dataset.source_vocabulary().id(word) >= kFirstFreeId, "a word of the vocabulary is unknown to it");
    }
  });
  return 0;
}
