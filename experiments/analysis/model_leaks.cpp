#include "experiments/analysis/model_leaks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/tape.hpp"
#include "experiments/analysis/own_tokens.hpp"
#include "layers/pass.hpp"
#include "layers/probe.hpp"

namespace tapehead {
namespace {

constexpr double kMoved = 0.05;  // what a parameter is moved by, at most

using Values = std::vector<double>;

// A model at some parameters.
class Reader {
 public:
  Reader(const Model& model, const ParameterStore<double>& parameters)
      : model_(model), parameters_(model.layout()), tape_(parameters_) {
    std::ranges::copy(parameters.values().span(), parameters_.values().data());
  }

  struct Stream {
    Shape shape;
    Values values;
    bool operator==(const Stream&) const = default;
  };
  struct Read {
    Shape shape;
    Values features;
    std::vector<Stream> embedded;  // in the order in which they are made
  };

  Read read(const OwnTokens& tokens) {
    Read result;
    const ProbeAt probe({What::embedded}, [&](const Site&, Var<double> x) {
      result.embedded.push_back({x.shape(), {x.data(), x.data() + x.shape().size()}});
    });
    const NoGrad<double> no_grad(tape_);
    const Var<double> y = model_.features(tape_, tokens.view(), Pass{.probe = &probe});
    result.shape = y.shape();
    result.features.assign(y.data(), y.data() + y.shape().size());
    return result;
  }

 private:
  const Model& model_;
  ParameterStore<double> parameters_;
  Tape<double> tape_;
};

// What the model says, as a function of what it embeds.
Problem stream_problem(const std::shared_ptr<const Model>& model, const ParameterStore<double>& parameters,
                       const OwnTokens& tokens, const std::vector<Reader::Stream>& embedded,
                       const std::vector<std::string>& names) {
  std::vector<InputSpec> inputs;
  for (std::size_t i = 0; i < embedded.size(); ++i) inputs.push_back({.shape = embedded[i].shape, .name = names[i]});
  const auto said = [model, &tokens](auto& tape, auto x) {
    using Seen = std::remove_cvref_t<decltype(x[0])>;
    std::size_t seen = 0;
    const ProbeAt probe({What::embedded}, [&](const Site&, Seen) { return x[seen++]; });
    return model->features(tape, tokens.view(), Pass{.probe = &probe});
  };
  Problem problem(said, inputs, std::shared_ptr<const ParameterLayout>(model, &model->layout()), 1);
  for (std::size_t v = 0; v < problem.variables().size(); ++v) {
    const Variable& variable = problem.variables()[v];
    const double* values =
        variable.parameter ? parameters.values().data() + variable.flat_offset : embedded[v].values.data();
    std::copy_n(values, variable.shape.size(), problem.point().begin() + variable.offset);
  }
  return problem;
}

class LeaksOfModel {
 public:
  LeaksOfModel(std::string name, const std::shared_ptr<const Model>& model, const ParameterStore<double>& parameters,
               const Batch& batch)
      : model_(model), tokens_(batch.view(), model->spec().reads), reader_(*model, parameters) {
    found.name = std::move(name);
    if (tokens_.of_equal_lengths()) tokens_.halve(1);
    base_ = reader_.read(tokens_);
    if (base_.embedded.empty()) {
      throw ConfigError(
          fmt::format("leaks: model {} embeds no token, so nothing can be followed through it; let its "
                      "layers show What::embedded to probes",
                      model->spec().name));
    }
    const Column place = tokens_.has(Column::input)    ? Column::input
                         : tokens_.has(Column::source) ? Column::source
                                                       : Column::expected;
    lengths_ = tokens_.lengths(place);
    derive(parameters);
    exchange();
  }

  ModelLeaks found;

 private:
  void derive(const ParameterStore<double>& parameters) {
    ReachRule& rule = found.rule;
    rule.lengths = lengths_;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < base_.embedded.size(); ++i) {
      const bool reads_input = changes_with(Column::input, i);
      const bool reads_source = changes_with(Column::source, i);
      const Column column = reads_input ? Column::input : Column::source;
      names.emplace_back(reads_input || reads_source ? name_of(column) : "embedding");
      Reach reach{.ahead = !reads_input};
      if (reads_input || reads_source) reach.lengths = tokens_.lengths(column);
      rule.inputs.push_back(std::move(reach));
    }
    found.derivatives = find_leaks(stream_problem(model_, parameters, tokens_, base_.embedded, names), rule);
    found.findings = found.derivatives.findings;
  }

  bool changes_with(Column column, std::size_t stream) {
    if (!tokens_.has(column)) return false;
    OwnTokens other = tokens_;
    other.exchange(column, [](std::int64_t, std::int64_t) { return true; });
    return reader_.read(other).embedded.at(stream) != base_.embedded[stream];
  }

  // Each kind: what is exchanged, and the outputs that must not change by it.
  void exchange() {
    const std::int64_t examples = base_.shape.slices;
    const auto counts = [&](std::int64_t t, std::int64_t b) { return t < lengths_[static_cast<std::size_t>(b)]; };
    const auto all = [](std::int64_t, std::int64_t) { return true; };
    if (tokens_.has(Column::expected)) {
      OwnTokens other = tokens_;
      other.exchange(Column::expected, all);
      compare(Leak::answer, "expected", other, all);
    }
    for (const Column column : {Column::source, Column::input}) {
      if (!tokens_.has(column)) continue;
      const std::vector<std::int64_t> lengths = tokens_.lengths(column);
      const auto in_padding = [&](std::int64_t k, std::int64_t b) { return k >= lengths[static_cast<std::size_t>(b)]; };
      OwnTokens padded = tokens_;
      if (padded.exchange(column, in_padding)) compare(Leak::padding, name_of(column), padded, counts);
      for (std::int64_t other = 0; other < examples; ++other) {
        const auto of_another = [=](std::int64_t, std::int64_t b) { return b != other; };
        OwnTokens changed = tokens_;
        changed.exchange(column, [=](std::int64_t, std::int64_t b) { return b == other; });
        compare(Leak::example, name_of(column), changed, of_another);
        OwnTokens shorter = tokens_;
        shorter.cut(column, other, 1);
        // Of an encoder alone, source and target are equally long.
        if (!tokens_.has(Column::input)) shorter.cut(Column::expected, other, 1);
        compare(Leak::example, name_of(column), shorter, of_another);
      }
    }
    for (std::int64_t other = 0; tokens_.has(Column::features) && other < examples; ++other) {
      OwnTokens changed = tokens_;
      changed.move_features([=](std::int64_t b) { return b == other; });
      compare(Leak::example, name_of(Column::features), changed,
              [=](std::int64_t, std::int64_t b) { return b != other; });
    }
    for (std::int64_t t = 0; tokens_.has(Column::input) && t + 1 < base_.shape.columns; ++t) {
      const auto before = [&](std::int64_t at, std::int64_t b) { return at <= t && counts(at, b); };
      OwnTokens changed = tokens_;
      changed.exchange(Column::input, [=](std::int64_t k, std::int64_t) { return k > t; });
      compare(Leak::future, "input", changed, before);
      if (t != 0 && t != base_.shape.columns / 2) continue;  // a length is known everywhere, or nowhere
      OwnTokens shorter = tokens_;
      for (std::int64_t b = 0; b < examples; ++b) shorter.cut(Column::input, b, t + 1);
      compare(Leak::future, "input", shorter, before);
    }
  }

  void compare(Leak leak, std::string_view input, const OwnTokens& other,
               const std::function<bool(std::int64_t, std::int64_t)>& must_stay) {
    ++found.exchanges[static_cast<int>(leak)];
    const Reader::Read read = reader_.read(other);
    const auto [rows, columns, slices] = base_.shape;
    if (read.shape != base_.shape) throw ShapeError("leaks: the features have another shape for other tokens");
    LeakFinding worst{.leak = leak, .input = std::string(input), .from = -1, .from_example = -1};
    for (std::int64_t b = 0; b < slices; ++b) {
      for (std::int64_t t = 0; t < columns; ++t) {
        if (!must_stay(t, b)) continue;
        double change = 0;
        for (std::int64_t row = 0; row < rows; ++row) {
          const auto at = static_cast<std::size_t>(base_.shape.offset({row, t, b}));
          const double by = std::abs(read.features[at] - base_.features[at]);
          if (!(by <= change)) change = by;
        }
        if (change == 0 || worst.changed != 0) continue;
        worst.output = t;
        worst.example = b;
        worst.changed = change;
      }
    }
    const auto known = [&](const LeakFinding& f) { return f.leak == leak && f.input == worst.input && f.changed != 0; };
    if (worst.changed != 0 && std::ranges::none_of(found.findings, known)) found.findings.push_back(worst);
  }

  std::shared_ptr<const Model> model_;
  OwnTokens tokens_;
  Reader reader_;
  Reader::Read base_;
  std::vector<std::int64_t> lengths_;  // of what is said
};

}  // namespace

bool ModelLeaks::has(Leak leak) const { return std::ranges::count(findings, leak, &LeakFinding::leak) > 0; }

ModelLeaks find_leaks(std::string name, const std::shared_ptr<const Model>& model,
                      const ParameterStore<double>& parameters, const Batch& batch) {
  return LeaksOfModel(std::move(name), model, parameters, batch).found;
}

std::string sentence(const LeakFinding& f) {
  const std::string kind = fmt::format("{}: ", name_of(f.leak));
  if (f.changed != 0) {
    static constexpr const char* kWhat[] = {"tokens behind its place", "padding", "another example", "expected tokens"};
    return kind + fmt::format("output {} of example {} changes by {:.2g} with {}{}", f.output, f.example, f.changed,
                              kWhat[static_cast<int>(f.leak)],
                              f.leak == Leak::answer ? "" : fmt::format(", in {}", f.input));
  }
  if (f.leak == Leak::example && f.forward != 0) {
    return kind + fmt::format("output {} of example {} moves by {:.2g} with example {}", f.output, f.example, f.forward,
                              f.from_example);
  }
  if (f.leak == Leak::example) {
    return kind + fmt::format("a gradient of {:.2g} reaches {} {} of example {} from outputs of example {}", f.backward,
                              f.input, f.from, f.from_example, f.example);
  }
  const std::string pair = fmt::format("{} {} and output {} of example {}", f.input, f.from, f.output, f.example);
  if (f.forward == 0) return kind + fmt::format("a gradient of {:.2g} between {}", f.backward, pair);
  return kind + fmt::format("a derivative of {:.2g} between {}{}", f.forward, pair,
                            f.backward == 0 ? ", and no gradient" : "");
}

ParameterStore<double> parameters_for_leaks(const Model& model) {
  ParameterStore<double> parameters(model.layout());
  parameters.initialise(1);
  const RandomStream random(1, Purpose::gradient_check, 5);
  std::uint32_t number = 0;
  for (const ParameterRange& range : model.layout().ranges()) {
    const auto values = parameters.values(range);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] += kMoved * (2 * random.uniform(number, static_cast<std::uint32_t>(i)) - 1);
    }
    ++number;
  }
  return parameters;
}

}  // namespace tapehead
