#include "autograd/ops/cumulative_mean.hpp"
#include "layers/mixers/mixer.hpp"

namespace tapehead {

MixerSpec mixer_spec_average() {
  return {.name = "average",
          .description = "the mean of the values that may be seen: attention whose weights are all alike",
          .source = "Zhang, Xiong & Su 2018, Average Attention Network, without its own feed-forward part and gate",
          .reads = MixerReads::values,
          .averages = true,
          .symmetric = true,
          .state_size = [](const HeadSizes& sizes) { return sizes.value_width + 1; },
          .apply = [](const auto& in) { return cumulative_mean(in.value.x, in.options, in.both_ways, in.state); },
          .plain =
              [](const PlainMixer& in) {
                PlainMixer::Columns contexts;
                const std::size_t read = in.value.size();
                for (std::size_t q = 0; q < in.answers; ++q) {
                  auto& context = contexts.emplace_back(in.value_width);
                  const std::size_t seen = in.both_ways ? read : q + 1;
                  for (std::size_t k = 0; k < seen; ++k) {
                    for (std::size_t i = 0; i < context.size(); ++i) {
                      context[i] += in.value[k][i] / static_cast<double>(seen);
                    }
                  }
                }
                return contexts;
              }};
}

}  // namespace tapehead
