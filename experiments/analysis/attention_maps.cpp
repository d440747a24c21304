#include "experiments/analysis/attention_maps.hpp"

#include "autograd/base/errors.hpp"
#include "autograd/tape.hpp"
#include "datasets/batch.hpp"
#include "layers/pass.hpp"
#include "layers/probe.hpp"
#include "trainers/decoding/decoding.hpp"

namespace tapehead {
namespace {

std::vector<std::string> words(const Vocabulary& vocabulary, TokenView tokens) {
  std::vector<std::string> all;
  for (std::int64_t t = 0; t < tokens.positions; ++t) all.push_back(vocabulary.word(tokens(t, 0)));
  return all;
}

// Weights (K, Q, H) of one example.
template <Scalar T>
std::vector<Matrix> heads_of(Var<T> weights) {
  const auto [keys, queries, heads] = weights.shape();
  std::vector<Matrix> maps;
  for (std::int64_t h = 0; h < heads; ++h) {
    Matrix& map = maps.emplace_back(queries, keys);
    for (std::int64_t q = 0; q < queries; ++q) {
      for (std::int64_t k = 0; k < keys; ++k) {
        map(q, k) = static_cast<double>(real_part(weights.data()[weights.shape().offset({k, q, h})]));
      }
    }
  }
  return maps;
}

void append_rows(std::vector<Matrix>& heads, const std::vector<Matrix>& more) {
  for (std::size_t h = 0; h < heads.size(); ++h) {
    heads[h].values.insert(heads[h].values.end(), more[h].values.begin(), more[h].values.end());
    heads[h].rows += more[h].rows;
  }
}

template <RealScalar T>
LineMaps observe(const Trained& trained, const std::vector<std::int32_t>& source) {
  ParameterStore<T> parameters = load_parameters<T>(trained);
  Tape<T> tape(parameters);
  const bool encoder = trained.model.reads_source();
  const BatchLayout layout = encoder ? BatchLayout::encoder_decoder : BatchLayout::decoder_only;
  // So long that the whole output still fits behind what stands before it.
  const std::int64_t longest =
      trained.config.model.max_positions - (encoder ? 1 : positions_needed(layout, {.source = std::ssize(source)}));
  const std::vector<std::vector<std::int32_t>> sources{source};
  const auto output = decode<T>(trained.model, tape, sources, {.max_length = longest}).front();

  Batch batch(layout);
  batch.reserve(1, std::ssize(source), std::ssize(output));
  batch.append(source, output);
  const std::vector<std::string> read = encoder ? words(trained.source, batch.source()) : std::vector<std::string>{};
  const std::vector<std::string> input = words(trained.target, batch.input());
  // What is being written at each place: in one sequence of source and target, simply the token that comes next.
  std::vector<std::string> written = words(trained.target, batch.expected());
  for (std::size_t t = 0; !encoder && t + 1 < input.size(); ++t) written[t] = input[t + 1];

  LineMaps maps{trained.source.words_of(source), trained.target.words_of(output), {}};
  const ProbeAt probe({What::weights}, [&](const Site& site, Var<T> weights) {
    const bool encodes = site.role == AttentionRole::self;
    const bool reads = encodes || site.role == AttentionRole::cross;
    if (!maps.layers.empty() && maps.layers.back().layer == site.layer) {  // it attends position by position
      append_rows(maps.layers.back().heads, heads_of(weights));
      return;
    }
    LayerMaps& layer = maps.layers.emplace_back();
    layer.layer = site.layer;
    layer.role = site.role;
    layer.queries = encodes ? read : written;
    layer.keys = reads ? read : input;
    layer.rows_are = encodes ? "the source token" : encoder ? "the token being written" : "the token that comes next";
    layer.columns_are = reads ? "the source tokens" : "the tokens before it";
    layer.heads = heads_of(weights);
  });
  const NoGrad<T> no_grad(tape);
  const BatchView line({.source = batch.source(), .input = batch.input()}, {Column::source, Column::input}, "the line",
                       1, 0);
  trained.model.logits(tape, line, Pass{.probe = &probe});
  if (maps.layers.empty()) {
    throw ConfigError("inspect: model " + trained.config.model.model + " attends to nothing: there is no map to draw");
  }
  return maps;
}

}  // namespace

LineMaps attention_maps(const Trained& trained, const std::string& line) {
  const std::vector<std::int32_t> source = trained.encode(line);
  if (source.empty()) throw DataError("the line to look at is empty");
  return with_precision(trained.config.double_precision,
                        [&](auto scalar) { return observe<decltype(scalar)>(trained, source); });
}

}  // namespace tapehead
