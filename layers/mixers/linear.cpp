#include <cmath>

#include "autograd/ops/causal_linear_attention.hpp"
#include "autograd/ops/linear_attention.hpp"
#include "layers/mixers/mixer.hpp"

namespace tapehead {

MixerSpec mixer_spec_linear() {
  return {
      .name = "linear",
      .description = "attention whose weights are products of features elu + 1 of query and key, divided by their sum",
      .source = "Katharopoulos et al. 2020, Transformers are RNNs",
      .averages = true,
      .symmetric = true,
      .state_size = [](const HeadSizes& sizes) { return (sizes.value_width + 1) * sizes.key_width; },
      .apply =
          [](const auto& in) {
            if (in.both_ways) {
              return linear_attention(in.query, in.key, in.value, in.options.heads, in.options.lengths);
            }
            return causal_linear_attention(in.query, in.key, in.value, in.options, in.state);
          },
      .plain =
          [](const PlainMixer& in) {
            const auto feature = [](PlainMixer::Number x) { return x.real() > 0 ? x + 1.0 : std::exp(x); };
            PlainMixer::Columns contexts;
            for (std::size_t q = 0; q < in.query.size(); ++q) {
              auto& context = contexts.emplace_back(in.value_width);
              PlainMixer::Number total = 0;
              for (std::size_t k = 0; k < (in.both_ways ? in.key.size() : q + 1); ++k) {
                PlainMixer::Number weight = 0;
                for (std::size_t i = 0; i < in.key[k].size(); ++i) {
                  weight += feature(in.query[q][i]) * feature(in.key[k][i]);
                }
                total += weight;
                for (std::size_t i = 0; i < context.size(); ++i) context[i] += weight * in.value[k][i];
              }
              for (auto& c : context) c = in.key.empty() ? 0 : c / total;
            }
            return contexts;
          }};
}

}  // namespace tapehead
