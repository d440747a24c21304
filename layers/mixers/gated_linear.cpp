#include <cmath>

#include "autograd/ops/gated_linear_attention.hpp"
#include "layers/mixers/mixer.hpp"

namespace tapehead {

MixerSpec mixer_spec_gated_linear() {
  return {.name = "gated_linear",
          .description = "products of query and key whose channels forget at rates that the data decide",
          .source = "Yang et al. 2024, Gated Linear Attention Transformers",
          .gates = [](const HeadSizes& sizes) { return sizes.key_width; },
          .first_gate = 4,  // a channel begins with a memory of about 50 positions
          .state_size = [](const HeadSizes& sizes) { return sizes.value_width * sizes.key_width; },
          .chunk = 16,
          .apply =
              [](const auto& in) {
                return gated_linear_attention(in.query, in.key, in.value, in.gate, in.scale, in.options, in.state);
              },
          .plain =
              [](const PlainMixer& in) {
                PlainMixer::Columns contexts;
                for (std::size_t q = 0; q < in.query.size(); ++q) {
                  auto& context = contexts.emplace_back(in.value_width);
                  for (std::size_t k = 0; k <= q; ++k) {
                    PlainMixer::Number weight = 0;
                    for (std::size_t i = 0; i < in.key[k].size(); ++i) {
                      PlainMixer::Number product = in.query[q][i] * in.key[k][i];
                      for (std::size_t t = k + 1; t <= q; ++t) product /= 1.0 + std::exp(-in.gate[t][i]);
                      weight += product;
                    }
                    for (std::size_t i = 0; i < context.size(); ++i) context[i] += in.scale * weight * in.value[k][i];
                  }
                }
                return contexts;
              }};
}

}  // namespace tapehead
