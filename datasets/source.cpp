#include "datasets/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kMadeLength = 20;

bool same_words(const Vocabulary& a, const Vocabulary& b) { return std::ranges::equal(a.words(), b.words()); }

DataSource source_of(const TaskSpec& task) {
  const auto open = [&task](const DataOptions& options, std::optional<Vocabularies> known) {
    auto data = std::make_unique<MadeDataset>(task, options.made);
    if (known && !(same_words(data->source_vocabulary(), known->source) &&
                   same_words(data->target_vocabulary(), known->target))) {
      throw DataError(fmt::format("task {}: its words are not those that the model was trained with", task.name));
    }
    return data;
  };
  return {.name = task.name,
          .description = task.description,
          .open = open,
          .lines = [](const DataOptions&) { return symbol_lines(); },
          .usual_length = [](const DataOptions&) { return kMadeLength; }};
}

}  // namespace

const std::vector<DataSource>& data_sources() {
  static const std::vector<DataSource> sources = [] {
    std::vector<DataSource> all;
    for (const TaskSpec& task : task_specs()) all.push_back(source_of(task));
    all.insert(all.end(), reader_sources().begin(), reader_sources().end());
    return all;
  }();
  return sources;
}

const DataSource& find_source(const std::string& name) {
  std::string known;
  for (const DataSource& source : data_sources()) {
    if (source.name == name) return source;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", source.name);
  }
  throw ConfigError(fmt::format("task: \"{}\" is none of {}", name, known));
}

std::string reader_names(bool (*which)(const DataSource& reader)) {
  std::string names;
  for (const DataSource& reader : reader_sources()) {
    if (which(reader)) names += (names.empty() ? "" : " ") + reader.name;
  }
  return names;
}

std::string_view reader_names() {
  static const std::string names = reader_names([](const DataSource&) { return true; });
  return names;
}

std::string_view readers_of(std::string_view file_option) {
  static const std::map<std::string, std::string, std::less<>> names = [] {
    std::map<std::string, std::string, std::less<>> found;
    for (const DataSource& reader : reader_sources()) {
      std::string& of_option = found[reader.file_option];
      of_option += (of_option.empty() ? "" : " ") + reader.name;
    }
    return found;
  }();
  const auto found = names.find(file_option);
  return found == names.end() ? std::string_view() : found->second;
}

}  // namespace tapehead
