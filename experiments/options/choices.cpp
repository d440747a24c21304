#include "experiments/options/choices.hpp"

#include "datasets/source.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {

const std::vector<Choice>& all_tasks() {
  static const std::vector<Choice> tasks = [] {
    std::vector<Choice> all;
    for (const DataSource& source : data_sources()) all.push_back({source.name, source.description});
    return all;
  }();
  return tasks;
}

const std::vector<Choice>& all_models() {
  static const std::vector<Choice> models = [] {
    std::vector<Choice> all;
    for (const ModelSpec& spec : model_specs()) all.push_back({spec.name, spec.description});
    return all;
  }();
  return models;
}

std::string words_of(const std::vector<Choice>& choices) {
  std::string words;
  for (const Choice& choice : choices) words += (words.empty() ? "" : " ") + choice.name;
  return words;
}

}  // namespace tapehead
