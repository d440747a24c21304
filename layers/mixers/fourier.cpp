#include <cmath>
#include <numbers>

#include "autograd/ops/fourier_real.hpp"
#include "layers/mixers/mixer.hpp"

namespace tapehead {

// A sequence is transformed over its own length: padding is no part of it, where FNet transformed all of a text that
// was padded to a fixed length.
MixerSpec mixer_spec_fourier() {
  return {.name = "fourier",
          .description = "the real part of the Fourier transform over positions and channels, with nothing to learn",
          .source = "Lee-Thorp et al. 2022, FNet",
          .reads = MixerReads::stream,
          .causal = false,
          .averages = true,
          .symmetric = true,
          .shared_values =
              [](const HeadSizes& sizes, double positions) {
                const auto channels = static_cast<double>(sizes.value_width);
                return 2 * (channels * channels + positions * positions + channels * positions);
              },
          .apply = [](const auto& in) { return fourier_real(in.value.x, in.options.lengths); },
          .plain =
              [](const PlainMixer& in) {
                PlainMixer::Columns contexts(in.answers, std::vector<PlainMixer::Number>(in.value_width));
                const std::size_t read = in.value.size();
                for (std::size_t q = 0; q < read; ++q) {
                  for (std::size_t i = 0; i < in.value_width; ++i) {
                    for (std::size_t k = 0; k < read; ++k) {
                      for (std::size_t j = 0; j < in.value_width; ++j) {
                        const double turns =
                            static_cast<double>(i * j % in.value_width) / static_cast<double>(in.value_width) +
                            static_cast<double>(q * k % read) / static_cast<double>(read);
                        contexts[q][i] += in.value[k][j] * std::cos(2 * std::numbers::pi * turns);
                      }
                    }
                  }
                }
                return contexts;
              }};
}

}  // namespace tapehead
