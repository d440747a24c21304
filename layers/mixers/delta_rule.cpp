#include "autograd/ops/delta_rule.hpp"

#include <cmath>

#include "layers/mixers/mixer.hpp"

namespace tapehead {

MixerSpec mixer_spec_delta_rule() {
  return {.name = "delta_rule",
          .description = "a memory in which the value under a key is corrected, by a share that the data decide",
          .source = "Schlag et al. 2021, Linear Transformers Are Secretly Fast Weight Programmers",
          .gates = [](const HeadSizes&) -> std::int64_t { return 1; },
          .turns = true,
          .state_size = [](const HeadSizes& sizes) { return sizes.value_width * sizes.key_width; },
          .apply = [](const auto& in) { return delta_rule(in.query, in.key, in.value, in.gate, in.options, in.state); },
          .plain =
              [](const PlainMixer& in) {
                PlainMixer::Columns contexts, memory;  // memory[j][i]: what channel i of a key recalls of value j
                for (std::size_t t = 0; t < in.query.size(); ++t) {
                  memory.resize(in.value_width, std::vector<PlainMixer::Number>(in.key[t].size()));
                  PlainMixer::Number square = 1e-12;
                  for (const auto& k : in.key[t]) square += k * k;
                  auto& context = contexts.emplace_back(in.value_width);
                  for (std::size_t j = 0; j < memory.size(); ++j) {
                    PlainMixer::Number recalled = 0;
                    for (std::size_t i = 0; i < in.key[t].size(); ++i) {
                      recalled += memory[j][i] * in.key[t][i] / std::sqrt(square);
                    }
                    const auto correction = (in.value[t][j] - recalled) / (1.0 + std::exp(-in.gate[t][0]));
                    for (std::size_t i = 0; i < in.key[t].size(); ++i) {
                      memory[j][i] += correction * in.key[t][i] / std::sqrt(square);
                      context[j] += memory[j][i] * in.query[t][i];
                    }
                  }
                }
                return contexts;
              }};
}

}  // namespace tapehead
