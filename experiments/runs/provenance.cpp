#include "experiments/runs/provenance.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <string_view>

#include "autograd/base/file.hpp"
#include "datasets/digest.hpp"
#include "experiments/runs/run.hpp"

namespace tapehead {
namespace {

std::string hex(std::uint64_t digest) { return fmt::format("{:016x}", digest); }

Fingerprint fingerprint_of(const Vocabulary& vocabulary) {
  std::uint64_t digest = digest_bytes("words");
  for (const std::string& word : vocabulary.words()) digest = digest_bytes(word, digest);
  return {std::ssize(vocabulary.words()), hex(digest)};
}

Fingerprint fingerprint_of(const Dataset& dataset, Split split) {
  std::uint64_t digest = digest_bytes("sequences");
  for (std::int64_t i = 0; i < dataset.size(split); ++i) {
    const SequencePair pair = dataset.example(split, i);
    digest = digest_ids(pair.target, digest_ids(pair.source, digest));
    if (pair.features.empty()) continue;
    digest = digest_bytes({reinterpret_cast<const char*>(pair.features.data()), sizeof(float) * pair.features.size()},
                          digest);
  }
  return {dataset.size(split), hex(digest)};
}

Json to_json(const Fingerprint& fingerprint) { return {{"count", fingerprint.count}, {"digest", fingerprint.digest}}; }

Fingerprint fingerprint_in(const Json& object) {
  return {object.at("count").get<std::int64_t>(), object.at("digest").get<std::string>()};
}

// The seal at the beginning of a checkpoint holds a digest of all the rest, which is checked when the weights are
// loaded.
std::string fingerprint_of_checkpoint(const std::string& path) {
  std::array<std::byte, 512> seal{};
  InputFile file(path);
  const std::size_t size = file.read_whole(seal);
  return hex(digest_bytes({reinterpret_cast<const char*>(seal.data()), size}));
}

void add(std::string& text, const std::string& part) {
  if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
}

std::string difference(std::string_view what, const Fingerprint& then, const Fingerprint& now) {
  if (then == now) return {};
  if (then.count == now.count) return fmt::format("other {} ({})", what, now.count);
  return fmt::format("{} {}, now {}", then.count, what, now.count);
}

}  // namespace

DataOrigin origin_of(const Dataset& dataset) {
  return {.digest = hex(dataset.digest()),
          .source_words = fingerprint_of(dataset.source_vocabulary()),
          .target_words = fingerprint_of(dataset.target_vocabulary()),
          .validation = fingerprint_of(dataset, Split::validation),
          .test = fingerprint_of(dataset, Split::test)};
}

Provenance provenance_here(const DataOrigin& data, const std::string& init) {
  Provenance provenance{.program = this_origin(), .data = data};
  if (!init.empty()) provenance.initial_weights = fingerprint_of_checkpoint(checkpoint_of(init));
  return provenance;
}

std::string difference(const Provenance& then, const Provenance& now) {
  std::string text;
  add(text, difference("source words", then.data.source_words, now.data.source_words));
  add(text, difference("target words", then.data.target_words, now.data.target_words));
  add(text, difference("validation sequences", then.data.validation, now.data.validation));
  add(text, difference("test sequences", then.data.test, now.data.test));
  if (text.empty() && then.data.digest != now.data.digest) text = "other training data";
  if (then.initial_weights != now.initial_weights) add(text, "other weights of --init");
  add(text, difference(then.program, now.program));
  return text;
}

Json to_json(const Provenance& provenance) {
  const DataOrigin& data = provenance.data;
  return {{"program", provenance.program.created_by},
          {"blas_library", provenance.program.blas_library},
          {"blas_kernel", provenance.program.blas_kernel},
          {"data",
           {{"digest", data.digest},
            {"source_words", to_json(data.source_words)},
            {"target_words", to_json(data.target_words)},
            {"validation", to_json(data.validation)},
            {"test", to_json(data.test)}}},
          {"initial_weights", provenance.initial_weights}};
}

Provenance provenance_in(const Json& object) {
  const Json& data = object.at("data");
  return {.program = {.created_by = object.at("program"),
                      .blas_library = object.at("blas_library"),
                      .blas_kernel = object.at("blas_kernel"),
                      .blas_threading = {}},
          .data = {.digest = data.at("digest"),
                   .source_words = fingerprint_in(data.at("source_words")),
                   .target_words = fingerprint_in(data.at("target_words")),
                   .validation = fingerprint_in(data.at("validation")),
                   .test = fingerprint_in(data.at("test"))},
          .initial_weights = object.at("initial_weights")};
}

}  // namespace tapehead
