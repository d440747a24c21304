#include "experiments/analysis/attention_maps.hpp"

#include <fmt/format.h>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/tape.hpp"
#include "datasets/batch.hpp"
#include "layers/pass.hpp"
#include "layers/probe.hpp"
#include "trainers/decoding/decoding.hpp"
#include "trainers/decoding/questions.hpp"

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

// What the model reads, and what is said at each place of the input.
struct Line {
  TokenColumns source, input;
  std::vector<std::int32_t> output;
  std::vector<std::string> written;
};

// A question with its answer.
template <RealScalar T>
Line answered(const Trained& trained, Tape<T>& tape, const std::vector<std::int32_t>& source) {
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
  const auto column = [](const TokenView& view) {
    return TokenColumns({std::vector(view.ids, view.ids + view.positions * view.examples)});
  };
  Line line{column(batch.source()), column(batch.input()), output, words(trained.target, batch.expected())};
  // In one sequence of source and target, simply the token that comes next.
  const std::vector<std::string> input = words(trained.target, batch.input());
  for (std::size_t t = 0; !encoder && t + 1 < input.size(); ++t) line.written[t] = input[t + 1];
  return line;
}

// A text with the token that comes next.
template <RealScalar T>
Line continued(const Trained& trained, Tape<T>& tape, const std::vector<std::int32_t>& text) {
  if (const std::int64_t most = trained.config.model.max_positions; std::ssize(text) > most) {
    throw DataError(
        fmt::format("the line has {}, and the model reads {} at once", counted(text.size(), "token"), most));
  }
  const std::vector<std::vector<std::int32_t>> texts{text};
  const auto output = decode<T>(trained.model, tape, Sources::beginnings(texts), {.max_length = 1}).front();
  Line line{{}, TokenColumns(texts), output, trained.target.words_of(std::span(text).subspan(1))};
  line.written.push_back(trained.target.word(output.empty() ? std::int32_t{kEnd} : output.front()));
  return line;
}

template <RealScalar T>
LineMaps observe(const Trained& trained, const std::vector<std::int32_t>& source) {
  ParameterStore<T> parameters = load_parameters<T>(trained);
  Tape<T> tape(parameters);
  const bool encoder = trained.model.reads_source();
  const bool goes_on = trained.data_source().line_is != LineRole::question;
  const Line line = goes_on ? continued(trained, tape, source) : answered(trained, tape, source);
  const std::vector<std::string> read =
      encoder ? words(trained.source, line.source.view()) : std::vector<std::string>{};
  const std::vector<std::string> input = words(trained.target, line.input.view());

  LineMaps maps{trained.source.words_of(source), trained.target.words_of(line.output), {}};
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
    layer.queries = encodes ? read : line.written;
    layer.keys = reads ? read : input;
    layer.rows_are = encodes ? "the source token" : encoder ? "the token being written" : "the token that comes next";
    layer.columns_are = reads ? "the source tokens" : "the tokens before it";
    layer.heads = heads_of(weights);
  });
  const NoGrad<T> no_grad(tape);
  const BatchView batch({.source = line.source.view(), .input = line.input.view()}, {Column::source, Column::input},
                        "the line", 1, 0);
  trained.model.logits(tape, batch, Pass{.probe = &probe});
  return maps;
}

// The class token, and patches by their row and column.
std::vector<std::string> names_of_positions(const ImagePatches& patches, bool class_token) {
  std::vector<std::string> names;
  if (class_token) names.emplace_back("class");
  for (std::int64_t r = 0; r < patches.rows(); ++r) {
    for (std::int64_t c = 0; c < patches.columns(); ++c) names.push_back(fmt::format("{},{}", r, c));
  }
  return names;
}

template <RealScalar T>
LineMaps observe_image(const Trained& trained, const SequencePair& question) {
  ParameterStore<T> parameters = load_parameters<T>(trained);
  Tape<T> tape(parameters);
  const ImagePatches patches = trained.data_source().patches(trained.config.data);
  const bool class_token = trained.config.model.pooling == "first";
  const Questions questions(std::span(&question, 1), trained.channels());
  const auto output = decode<T>(trained.model, tape, questions.sources(), {.max_length = 1}).front();

  LineMaps maps{.source = {}, .output = trained.target.words_of(output), .layers = {}};
  const std::vector<std::string> positions = names_of_positions(patches, class_token);
  const ProbeAt probe({What::weights}, [&](const Site& site, Var<T> weights) {
    maps.layers.push_back({.layer = site.layer,
                           .role = site.role,
                           .queries = positions,
                           .keys = positions,
                           .rows_are = "the patch by row and column",
                           .columns_are = "the patches",
                           .heads = heads_of(weights)});
  });
  const NoGrad<T> no_grad(tape);
  const BatchView image({.features = *questions.sources().features()}, {Column::features}, "the image", 1, 0);
  trained.model.logits(tape, image, Pass{.probe = &probe});
  maps.image = {.patches = patches, .pixels = image_of(patches, question.features), .class_token = class_token};
  std::vector<std::vector<Matrix>> heads;
  for (const LayerMaps& layer : maps.layers) heads.push_back(layer.heads);
  maps.image->rollout = attention_rollout(heads);
  return maps;
}

void require_maps(const Trained& trained, const LineMaps& maps) {
  if (!maps.layers.empty()) return;
  throw ConfigError("inspect: model " + trained.config.model.model + " attends to nothing: there is no map to draw");
}

}  // namespace

LineMaps attention_maps(const Trained& trained, const SequencePair& question) {
  if (question.source.empty() && question.features.empty()) throw DataError("the line to look at is empty");
  LineMaps maps = with_precision(trained.config.double_precision, [&]<class T>(T) {
    return trained.data_source().patches ? observe_image<T>(trained, question) : observe<T>(trained, question.source);
  });
  require_maps(trained, maps);
  return maps;
}

}  // namespace tapehead
