#include "tests/support/plain_recurrent.hpp"

#include <algorithm>
#include <cmath>

#include "layers/recurrent/cell.hpp"

namespace tapehead::testing_support {
namespace {

std::vector<Dual> column(const PlainBlock& x, std::int64_t t, std::int64_t b) {
  const auto first = x.values.begin() + x.rows * (t + x.columns * b);
  return {first, first + x.rows};
}

void set_column(PlainBlock& x, std::int64_t t, std::int64_t b, const std::vector<Dual>& from) {
  for (std::int64_t i = 0; i < x.rows; ++i) x(i, t, b) = from.at(static_cast<std::size_t>(i));
}

}  // namespace

std::int64_t PlainRecurrent::states() const { return find_cell(config_.recurrent.cell).states; }

PlainRecurrent::Numbers PlainRecurrent::step(const std::string& path, const Numbers& x, const Numbers& before) const {
  const CellSpec& spec = find_cell(config_.recurrent.cell);
  const auto channels = std::ssize(x);
  const auto width = std::ssize(before) / spec.states;
  PlainCell in{.of_x = {}, .of_h = {}, .recurrent_bias = {}, .before = before};
  for (const CellSpec::Gate& gate : spec.gates) {
    const std::string name = path + "." + gate.name;
    const std::string recurrent = path + ".recurrent." + gate.name;
    const Dual* weight = layers_.parameter(name + ".weight", channels * width);
    const Dual* bias = layers_.parameter(name + ".bias", width);
    const Dual* u = layers_.parameter(recurrent + ".weight", width * width);
    for (std::int64_t o = 0; o < width; ++o) {
      Dual of_x = bias[o];
      for (std::int64_t i = 0; i < channels; ++i) of_x += weight[i + channels * o] * x[static_cast<std::size_t>(i)];
      Dual of_h = 0;
      for (std::int64_t i = 0; i < width; ++i) of_h += u[i + width * o] * before[static_cast<std::size_t>(i)];
      in.of_x.push_back(of_x);
      in.of_h.push_back(of_h);
    }
    if (spec.gate_of_own_bias == nullptr || std::string(spec.gate_of_own_bias) != gate.name) continue;
    const Dual* own = layers_.parameter(recurrent + ".bias", width);
    in.recurrent_bias.assign(own, own + width);
  }
  return spec.plain(in);
}

PlainRecurrent::Encoded PlainRecurrent::encode(PlainBlock x, const std::int32_t* lengths, std::uint32_t site) const {
  const bool both = config_.recurrent.bidirectional == "yes";
  const std::int64_t width = config_.d_model / (both ? 2 : 1);
  Encoded encoded{.lengths = lengths};
  for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
    PlainBlock said = PlainBlock::zeros(config_.d_model, x.columns, x.slices);
    auto& last = encoded.last.emplace_back();
    for (std::int64_t b = 0; b < x.slices; ++b) {
      Numbers& end = last.emplace_back(static_cast<std::size_t>(states() * config_.d_model));
      for (std::int64_t direction = 0; direction < (both ? 2 : 1); ++direction) {
        const std::string path =
            "encoder.layers." + std::to_string(layer) + (direction == 0 ? ".forward" : ".backward");
        Numbers state(static_cast<std::size_t>(states() * width));
        for (std::int64_t s = 0; s < lengths[b]; ++s) {
          const std::int64_t t = direction == 0 ? s : lengths[b] - 1 - s;
          state = step(path, column(x, t, b), state);
          for (std::int64_t i = 0; i < width; ++i) {
            said(i + direction * width, t, b) = state[static_cast<std::size_t>(i)];
          }
        }
        for (std::int64_t i = 0; i < std::ssize(state); ++i) {  // each part of the state: forward above backward
          const std::int64_t at = i % width + direction * width + i / width * config_.d_model;
          end[static_cast<std::size_t>(at)] = state[static_cast<std::size_t>(i)];
        }
      }
    }
    x = layers_.dropped(said, site + static_cast<std::uint32_t>(layer));
  }
  encoded.columns = x;
  return encoded;
}

PlainBlock PlainRecurrent::decode(const PlainBlock& x, const std::int32_t* lengths, const Encoded* encoded,
                                  std::uint32_t site) const {
  const std::int64_t channels = config_.d_model;
  const bool attends = config_.model == "rnn";
  const bool feeds = attends && config_.recurrent.input_feeding == "yes";
  const PlainMask present = [&](std::int64_t, std::int64_t k, std::int64_t b) { return k < encoded->lengths[b]; };
  const auto combined = [&](const PlainBlock& h) {
    PlainBlock sum = attention_.attention("decoder.cross_attention", h, encoded->columns, present, 0);
    const PlainBlock own = layers_.linear("decoder.combination", h);
    for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] = std::tanh(sum.values[i] + own.values[i]);
    return sum;
  };
  std::vector<std::vector<Numbers>> states(static_cast<std::size_t>(config_.layers));
  for (std::size_t layer = 0; layer < states.size(); ++layer) {
    states[layer].assign(static_cast<std::size_t>(x.slices),
                         Numbers(static_cast<std::size_t>(PlainRecurrent::states() * channels)));
    if (encoded != nullptr) states[layer] = encoded->last[layer];
  }
  PlainBlock said = PlainBlock::zeros(channels, x.columns, x.slices);
  PlainBlock fed = PlainBlock::zeros(channels, 1, x.slices);
  for (std::int64_t t = 0; t < x.columns; ++t) {
    PlainBlock read = PlainBlock::zeros(channels * (feeds ? 2 : 1), 1, x.slices);
    for (std::int64_t b = 0; b < x.slices; ++b) {
      Numbers top = column(x, t, b);
      const Numbers below = column(fed, 0, b);
      if (feeds) top.insert(top.end(), below.begin(), below.end());
      set_column(read, 0, b, top);
    }
    for (std::size_t layer = 0; layer < states.size(); ++layer) {
      PlainBlock all = PlainBlock::zeros(channels, x.columns, x.slices);  // dropout goes by positions
      for (std::int64_t b = 0; b < x.slices; ++b) {
        Numbers& state = states[layer][static_cast<std::size_t>(b)];
        const bool live = t < lengths[b];
        state =
            live ? step("decoder.layers." + std::to_string(layer), column(read, 0, b), state) : Numbers(state.size());
        set_column(all, t, b, state);
      }
      all = layers_.dropped(all, site + 1 + 2 * static_cast<std::uint32_t>(layer));
      read = PlainBlock::zeros(channels, 1, x.slices);
      for (std::int64_t b = 0; b < x.slices; ++b) set_column(read, 0, b, column(all, t, b));
    }
    if (feeds) read = fed = combined(read);
    for (std::int64_t b = 0; b < x.slices; ++b) set_column(said, t, b, column(read, 0, b));
  }
  return attends && !feeds ? combined(said) : said;
}

PlainBlock PlainRecurrent::decoder(const PlainBlock& x, const std::int32_t* lengths, std::uint32_t site) const {
  return decode(x, lengths, nullptr, site);
}

PlainBlock PlainRecurrent::both(const PlainBlock& source, const std::int32_t* source_lengths, const PlainBlock& x,
                                const std::int32_t* lengths, std::uint32_t site) const {
  const Encoded encoded = encode(source, source_lengths, site);
  return decode(x, lengths, &encoded, site + static_cast<std::uint32_t>(config_.layers));
}

}  // namespace tapehead::testing_support
