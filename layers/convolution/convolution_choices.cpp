#include "layers/convolution/convolution_choices.hpp"

#include "layers/models/spec.hpp"

namespace tapehead {

Fields<ConvolutionChoices> ConvolutionChoices::fields() {
  static const std::string convolutional =
      model_names([](const ModelSpec& spec) { return spec.kind == ModelKind::convolutional; });
  return {{&ConvolutionChoices::width,
           {.name = "kernel-width",
            .range = {1, 1024},
            .help = "positions that a convolution sees at once: its own and, of the others, half to either side in an "
                    "encoder, all "
                    "before it in a decoder; every layer hears of as many more",
            .unit = "positions",
            .when = "wider, or more layers, where what belongs together stands far apart",
            .gives_weights_meaning = true,
            .applies_when = {one_of("model", convolutional)}}}};
}

}  // namespace tapehead
