#include "autograd/ops/retention.hpp"

#include <cmath>

#include "layers/mixers/mixer.hpp"

namespace tapehead {

MixerSpec mixer_spec_retention() {
  return {.name = "retention",
          .description = "products of query and key that fade with the distance, in each head at a rate of its own",
          .source = "Sun et al. 2023, Retentive Network",
          .turns = true,
          .state_size = [](const HeadSizes& sizes) { return sizes.value_width * sizes.key_width; },
          .apply = [](const auto& in) { return retention(in.query, in.key, in.value, in.scale, in.options, in.state); },
          .plain =
              [](const PlainMixer& in) {
                const double decay = 1 - std::pow(2.0, -5.0 - static_cast<double>(in.head));
                PlainMixer::Columns contexts;
                for (std::size_t q = 0; q < in.query.size(); ++q) {
                  auto& context = contexts.emplace_back(in.value_width);
                  for (std::size_t k = 0; k <= q; ++k) {
                    PlainMixer::Number weight = 0;
                    for (std::size_t i = 0; i < in.key[k].size(); ++i) weight += in.query[q][i] * in.key[k][i];
                    weight *= in.scale * std::pow(decay, static_cast<double>(q - k));
                    for (std::size_t i = 0; i < context.size(); ++i) context[i] += weight * in.value[k][i];
                  }
                }
                return contexts;
              }};
}

}  // namespace tapehead
