#include "layers/attention/attention_scale.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "autograd/base/errors.hpp"

namespace tapehead {

double attention_scale(const std::string& text, std::int64_t d_k, std::int64_t d_model) {
  if (text == "inv_sqrt_dk" || text == "learned") return 1 / std::sqrt(static_cast<double>(d_k));
  if (text == "none") return 1;
  if (text == "inv_dk") return 1 / static_cast<double>(d_k);
  if (text == "inv_sqrt_dmodel") return 1 / std::sqrt(static_cast<double>(d_model));
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number) || number <= 0) {
    throw ConfigError(fmt::format(
        "scale: \"{}\" is none of inv_sqrt_dk, none, inv_dk, inv_sqrt_dmodel, learned, and no positive number", text));
  }
  return number;
}

}  // namespace tapehead
