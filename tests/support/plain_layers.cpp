#include <cmath>
#include <numbers>
#include <stdexcept>

#include "tests/support/plain_model.hpp"
#include "tests/support/plain_numbers.hpp"

namespace tapehead::testing_support {
namespace {

// f(x) of a function that std knows for real numbers alone, to first order.
template <class F, class D>
Dual first_order(Dual x, F f, D slope) {
  return {f(x.real()), x.imag() * slope(x.real())};
}

Dual activated(const std::string& activation, Dual x) {
  if (activation == "relu") return x.real() > 0 ? x : Dual(0);
  if (activation == "silu") return x / (1.0 + std::exp(-x));
  if (activation == "sigmoid") return 1.0 / (1.0 + std::exp(-x));
  if (activation == "tanh") return std::tanh(x);
  if (activation == "gelu_tanh") {
    return 0.5 * x * (1.0 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
  }
  if (activation == "gelu") {
    const Dual erf = first_order(
        x / std::numbers::sqrt2, [](double a) { return std::erf(a); },
        [](double a) { return 2 / std::sqrt(std::numbers::pi) * std::exp(-a * a); });
    return 0.5 * x * (1.0 + erf);
  }
  throw std::invalid_argument(activation);
}

// The masks of models that tests name.
bool is_seen(const std::string& mask, std::int64_t q, std::int64_t k) {
  if (mask == "window(1)") return q - 1 <= k && k <= q;
  if (mask == "window(1, 1) | prefix(1)") return (q - 1 <= k && k <= q + 1) || k < 1;
  if (mask == "blocks(2)") return q / 2 == k / 2;
  if (mask == "dilated(2)") return (q - k) % 2 == 0;
  if (!mask.empty()) throw std::invalid_argument(mask);
  return true;
}

PlainBlock sum(const PlainBlock& a, const PlainBlock& b) {
  PlainBlock y = a;
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += b.values.at(i);
  return y;
}

}  // namespace

const Dual* PlainLayers::parameter(const std::string& name, std::int64_t count) const {
  const ParameterRange* range = layout_.find(name);
  if (range == nullptr) throw std::invalid_argument("no parameter is called " + name);
  if (range->shape.size() != count) throw std::out_of_range(name);
  return values_.data() + range->offset;
}

PlainBlock PlainLayers::linear(const std::string& path, const PlainBlock& x, const std::string& table) const {
  const std::string of_weight = table.empty() ? path + ".weight" : table;
  const std::int64_t out = layout_.find(of_weight)->shape.columns;
  const Dual* bias = layout_.find(path + ".bias") == nullptr ? nullptr : parameter(path + ".bias", out);
  const Dual* weight = parameter(of_weight, x.rows * out);
  PlainBlock y = PlainBlock::zeros(out, x.columns, x.slices);
  for (std::int64_t s = 0; s < x.slices; ++s) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      for (std::int64_t o = 0; o < out; ++o) {
        Dual total = bias == nullptr ? 0 : bias[o];
        for (std::int64_t i = 0; i < x.rows; ++i) total += times(weight[i + o * x.rows], x(i, c, s));
        y(o, c, s) = total;
      }
    }
  }
  return y;
}

PlainBlock PlainLayers::norm(const std::string& path, const PlainBlock& x) const {
  const bool centred = options_.norm_kind == "layer";
  PlainBlock y = x;
  const auto count = static_cast<double>(x.rows);
  const Dual* gain = parameter(path + ".gain", x.rows);
  const bool has_bias = layout_.find(path + ".bias") != nullptr;
  const Dual* bias = has_bias ? parameter(path + ".bias", x.rows) : nullptr;
  for (std::int64_t s = 0; s < x.slices; ++s) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      Dual mean = 0;
      for (std::int64_t i = 0; centred && i < x.rows; ++i) mean += x(i, c, s) / count;
      Dual square = 0;
      for (std::int64_t i = 0; i < x.rows; ++i) square += (x(i, c, s) - mean) * (x(i, c, s) - mean) / count;
      for (std::int64_t i = 0; i < x.rows; ++i) {
        y(i, c, s) = gain[i] * (x(i, c, s) - mean) / std::sqrt(square + options_.epsilon);
        if (has_bias) y(i, c, s) += bias[i];
      }
    }
  }
  return y;
}

PlainBlock PlainLayers::dropped(const PlainBlock& x, std::uint32_t site, double rate) const {
  if (!pass_.training || rate == 0) return x;
  PlainBlock y = x;
  for (std::int64_t s = 0; s < x.slices; ++s) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      for (std::int64_t i = 0; i < x.rows; ++i) {
        y(i, c, s) = kept(pass_, rate, site, s, c, i, 0) ? x(i, c, s) / (1 - rate) : Dual(0);
      }
    }
  }
  return y;
}

PlainBlock PlainLayers::self_mixed(const std::string& path, const PlainBlock& x, const PlainMask& mask,
                                   std::uint32_t site, PlainBlock* first_values) const {
  const std::string part = path + "." + self_mixer();
  const PlainMask seen = [&](std::int64_t q, std::int64_t k, std::int64_t b) {
    return mask(q, k, b) && is_seen(options_.attention_mask, q, k);
  };
  return options_.mixer == "attention" ? attention(part, x, x, seen, site, first_values) : mixer(part, x, mask);
}

PlainBlock PlainLayers::feed_forward(const std::string& path, const PlainBlock& x, std::uint32_t site) const {
  const bool gated = options_.feed_forward == "gated";
  PlainBlock inner = linear(path + (gated ? ".gate" : ".inner"), x);
  for (Dual& value : inner.values) value = activated(options_.activation, value);
  if (gated) {
    const PlainBlock other = linear(path + ".inner", x);
    for (std::size_t i = 0; i < inner.values.size(); ++i) inner.values[i] = times(inner.values[i], other.values[i]);
  }
  return linear(path + ".outer", dropped(inner, site, options_.inner_dropout));
}

PlainBlock PlainLayers::residual(const std::string& part, const PlainBlock& x, std::uint32_t site,
                                 const std::function<PlainBlock(const PlainBlock&)>& f) const {
  const std::string name = part.ends_with(".") ? part : part + "_";
  if (options_.norm == "none") return sum(x, dropped(f(x), site));
  if (options_.norm == "post") return norm(name + "norm", sum(x, dropped(f(x), site)));
  PlainBlock y = f(norm(name + "norm", x));
  if (options_.norm == "both") y = norm(name + "after_norm", y);
  return sum(x, dropped(y, site));
}

PlainBlock PlainLayers::encoder_layer(const std::string& path, PlainBlock x, const PlainMask& mask, std::uint32_t site,
                                      PlainBlock* first_values) const {
  const bool feeds = options_.feed_forward != "none";
  const auto heard = [&](const PlainBlock& h) { return self_mixed(path, h, mask, site, first_values); };
  const auto fed = [&](const PlainBlock& h) { return feed_forward(path + ".feed_forward", h, site + 2); };
  if (options_.residual == "parallel") {
    return residual(path + ".", x, site + 1,
                    [&](const PlainBlock& h) { return feeds ? sum(heard(h), fed(h)) : heard(h); });
  }
  x = residual(path + "." + self_mixer(), x, site + 1, heard);
  return feeds ? residual(path + ".feed_forward", x, site + 3, fed) : x;
}

PlainBlock PlainLayers::decoder_layer(const std::string& path, PlainBlock x, const PlainBlock& memory,
                                      const PlainMask& self_mask, const PlainMask& memory_mask, std::uint32_t site,
                                      PlainBlock* first_values) const {
  const bool feeds = options_.feed_forward != "none";
  const bool parallel = options_.residual == "parallel";
  const auto heard = [&](const PlainBlock& h) { return self_mixed(path, h, self_mask, site, first_values); };
  const auto asked = [&](const PlainBlock& h) {
    return attention(path + ".cross_attention", h, memory, memory_mask, site + 2);
  };
  const auto fed = [&](const PlainBlock& h) {
    return feed_forward(path + ".feed_forward", h, site + (parallel ? 3 : 4));
  };
  if (parallel) {
    return residual(path + ".", x, site + 1, [&](const PlainBlock& h) {
      const PlainBlock both = sum(heard(h), asked(h));
      return feeds ? sum(both, fed(h)) : both;
    });
  }
  x = residual(path + "." + self_mixer(), x, site + 1, heard);
  x = residual(path + ".cross_attention", x, site + 3, asked);
  return feeds ? residual(path + ".feed_forward", x, site + 5, fed) : x;
}

}  // namespace tapehead::testing_support
