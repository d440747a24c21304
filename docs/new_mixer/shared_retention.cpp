#include <cmath>

#include "autograd/ops/retention.hpp"
#include "layers/mixers/mixer.hpp"

namespace tapehead {

MixerSpec mixer_spec_shared_retention() {
  return {.name = "shared_retention",
          .description = "retention whose keys are its queries too",
          .source = "Sun et al. 2023, Retentive Network, with one projection less",
          .turns = true,
          .state_size = [](const HeadSizes& sizes) { return sizes.value_width * sizes.key_width; },
          .apply = [](const auto& in) { return retention(in.key, in.key, in.value, in.scale, in.options, in.state); },
          .plain = [](const PlainMixer& in) {  // o_q = Σ_{k≤q} scale · γ^(q−k) · v_k (key_kᵀ key_q)
            const double decay = 1 - std::pow(2.0, -5.0 - static_cast<double>(in.head));
            PlainMixer::Columns contexts;
            for (std::size_t q = 0; q < in.key.size(); ++q) {
              auto& context = contexts.emplace_back(in.value_width);
              for (std::size_t k = 0; k <= q; ++k) {
                PlainMixer::Number weight = 0;
                for (std::size_t i = 0; i < in.key[k].size(); ++i) weight += in.key[q][i] * in.key[k][i];
                weight *= in.scale * std::pow(decay, static_cast<double>(q - k));
                for (std::size_t i = 0; i < context.size(); ++i) context[i] += weight * in.value[k][i];
              }
            }
            return contexts;
          }};
}

}  // namespace tapehead
