#include "experiments/analysis/attend.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <ostream>
#include <sstream>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/file.hpp"
#include "autograd/base/output_file.hpp"
#include "autograd/base/text.hpp"
#include "experiments/analysis/attend_report.hpp"
#include "experiments/options/conditions.hpp"
#include "experiments/options/run_config.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/text_width.hpp"
#include "layers/attention/stage.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kMostInFiles = 100'000'000;  // numbers of a table that is written, not looked at

// A file, or numbers as they stand on the command line.
Matrix matrix_given(const Settings& settings, std::string_view option) {
  const std::string& text = settings.text(option);
  const bool file = file_exists(text);
  if (is_matrix_text(text) && !file) return matrix_of_text(text, fmt::format("--{}", option));
  if (!file && text.find_first_of(",;") != std::string::npos) {
    throw ConfigError(fmt::format("--{}: \"{}\" is no file, and not all of it is numbers, such as \"1,0; 0.5,1\"",
                                  option, printable(text)));
  }
  return read_matrix(text);
}

std::vector<std::string> names_given(const Settings& settings, std::string_view option, std::int64_t count,
                                     const char* one) {
  std::vector<std::string> names;
  std::istringstream words(settings.text(option));
  for (std::string word; words >> word;) names.push_back(printable(word));
  if (settings.given(option) && std::ssize(names) != count) {
    throw ConfigError(fmt::format("--{}: {} for {}", option, counted(names.size(), "name"),
                                  counted(count, one, std::string_view(one) == "query" ? "queries" : "")));
  }
  return names;
}

Tensor taken(Tensors& tensors, const std::string& name, const std::string& file) {
  auto node = tensors.extract(name);
  if (node.empty()) throw DataError(fmt::format("{}: there is no {}; it must hold q, k and v", file, name));
  return std::move(node.mapped());
}

AttendInput input_of_file(const std::string& file) {
  Tensors tensors = read_tensors(file);
  AttendInput input{taken(tensors, "q", file), taken(tensors, "k", file), taken(tensors, "v", file)};
  input.others = std::move(tensors);
  input.where = file;
  return input;
}

// A table of zeros and ones, a query a row.
Tensor mask_of_file(const std::string& file, const AttendInput& input) {
  const Matrix table = read_matrix(file);
  const std::int64_t queries = input.query.shape[2];
  const std::int64_t keys = input.key.shape[2];
  if (table.rows != queries || table.columns != keys) {
    throw ConfigError(fmt::format("--mask: {} has {} of {}, and there are {} and {}", file, counted(table.rows, "row"),
                                  counted(table.columns, "number"), counted(queries, "query", "queries"),
                                  counted(keys, "key")));
  }
  for (std::int64_t q = 0; q < queries; ++q) {
    for (std::int64_t k = 0; k < keys; ++k) {
      if (table(q, k) == 0 || table(q, k) == 1) continue;
      throw ConfigError(fmt::format("--mask: {} has {:g} for query {} and key {}; a mask has zeros and ones", file,
                                    table(q, k), q, k));
    }
  }
  return {{table.rows, table.columns}, table.values};
}

// What a mask names: terms, or a file.
void read_mask(const Settings& settings, AttendInput& input, AttendOptions& options) {
  const std::string& text = settings.text("mask");
  const bool terms = text.find_first_of("(&|") != std::string::npos;  // and may be longer than the name of a file
  if (!text.empty() && !terms && file_exists(text)) {
    if (input.others.contains("mask")) {
      throw ConfigError(fmt::format("--mask: {} holds a mask, too; leave one out", settings.text("input")));
    }
    input.others["mask"] = mask_of_file(text, input);
  } else if (!text.empty() && !terms && text.find_first_of("./") != std::string::npos) {
    throw ConfigError(fmt::format("--mask: {}: there is no such file", printable(text)));
  } else {
    options.mask = text;
  }
  if (!settings.flag("causal")) return;
  options.mask = options.mask.empty() ? "causal" : fmt::format("causal & ({})", options.mask);
}

AttendOptions options_of(const Settings& settings) {
  AttendOptions options{.scale = settings.text("scale")};
  for (const Field<StageChoices>& field : StageChoices::fields()) read_field(field, options.stages, settings);
  for (const Field<RotaryChoices>& field : RotaryChoices::fields()) read_field(field, options.rotary, settings);
  options.seed = static_cast<std::uint64_t>(settings.integer("seed"));
  options.single_precision = settings.given("precision") && settings.text("precision") == "float";
  if (!settings.given("positions")) return options;
  const std::string& positions = settings.text("positions");
  options.turned = positions == "rotary";
  if (is_among(stage_names(StageKind::bias), positions)) {
    options.stages.bias = positions;
  } else if (positions != "rotary" && positions != "none") {
    std::string choices = "none, rotary";
    for (const StageSpec& stage : stage_specs()) {
      if (stage.kind == StageKind::bias) choices += ", " + stage.name;
    }
    throw ConfigError(fmt::format(
        "--positions: {} ones are added to embeddings, and given vectors have none; choose {}", positions, choices));
  }
  return options;
}

void write_result(const AttendResult& result, const std::string& file) {
  Tensors tensors{{"context", result.context},
                  {"weights", result.weights},
                  {"log_sum_exp", result.log_sum_exp},
                  {"scores", result.scores}};
  for (const auto& [name, gradient] : result.gradients) tensors.emplace("grads/" + name, gradient);
  write_tensors(file, tensors);
}

// "scores, scaled by inv_sqrt_dk"; of a score that has no scale, which one it is.
std::string title_of_scores(const Settings& settings) {
  const std::string& score = settings.text("score");
  const auto spec = std::ranges::find_if(
      stage_specs(), [&](const StageSpec& stage) { return stage.kind == StageKind::score && stage.name == score; });
  return spec->scaled ? "scores, scaled by " + settings.text("scale") : "scores, " + score;
}

AttendView view_of(const Settings& settings, const AttendInput& input, const Console& console) {
  const auto& shape = input.query.shape;
  AttendView view{.queries = names_given(settings, "query-names", shape[2], "query"),
                  .keys = names_given(settings, "key-names", input.key.shape[2], "key"),
                  .scores = title_of_scores(settings),
                  .log_sum_exp = is_among("softmax zero_sink learned_sink", settings.text("normalizer")),
                  .mask = settings.flag("show-mask"),
                  .example = settings.integer("example"),
                  .head = settings.integer("head"),
                  .digits = static_cast<int>(settings.integer("digits")),
                  .style = heat_map_style(settings.text("color"), console.out_is_terminal),
                  .width = console.width};
  const auto within = [](const char* option, std::int64_t i, std::int64_t count, const char* what) {
    if (i < count) return;
    throw ConfigError(fmt::format("--{}: there {} {}, from 0 on, not {}", option, count == 1 ? "is" : "are",
                                  counted(count, what), i));
  };
  within("example", view.example, shape[0], "example");
  within("head", view.head, shape[1], "head");
  return view;
}

// A first line of words may be meant as one, or be names that slipped in.
void tell_of_heading(const Settings& settings, const char* option, const Matrix& matrix, std::ostream& err) {
  if (matrix.column_names.empty()) return;
  err << printable(fmt::format("{}: its first line, of words, is taken as the heading: {}", settings.text(option),
                               fmt::join(matrix.column_names, ", ")))
      << '\n';
}

AttendInput input_of(const Settings& settings, std::vector<std::string>& dims, std::ostream& err) {
  if (settings.given("input")) {
    if (settings.text("input").empty()) throw ConfigError("--input: is empty; give an HDF5 file");
    return input_of_file(settings.text("input"));
  }
  for (const char* needed : {"query", "key"}) {
    if (settings.given(needed)) continue;
    throw ConfigError(
        fmt::format("attend: --{} is missing; for example: tapehead attend --query q.csv --key k.csv", needed));
  }
  const Matrix query = matrix_given(settings, "query");
  const Matrix key = matrix_given(settings, "key");
  const Matrix value = settings.given("value") ? matrix_given(settings, "value") : key;
  tell_of_heading(settings, "query", query, err);
  tell_of_heading(settings, "key", key, err);
  if (settings.given("value")) tell_of_heading(settings, "value", value, err);
  dims = value.column_names;
  return AttendInput::of(query, key, value);
}

// What is written is never what was read, nor two things in one file.
void require_files_apart(const Settings& settings) {
  namespace fs = std::filesystem;
  const auto same = [](const std::string& a, const std::string& b) {
    std::error_code none;
    return !a.empty() && !b.empty() && (a == b || fs::equivalent(a, b, none));
  };
  for (const char* written : {"svg", "output"}) {
    for (const char* read : {"query", "key", "value", "mask", "input"}) {
      if (!settings.given(read) || !settings.given(written) || !same(settings.text(read), settings.text(written)))
        continue;
      throw ConfigError(
          fmt::format("--{}: {} is what --{} reads; give another name", written, settings.text(written), read));
    }
  }
  if (settings.given("svg") && settings.given("output") && same(settings.text("svg"), settings.text("output"))) {
    throw ConfigError(fmt::format("--svg: {} is the file of --output; give another name", settings.text("svg")));
  }
}

// Where each of these is seen, beside the tables. What is seen nowhere is refused.
struct Seen {
  const char* option;
  bool in_svg, in_json;
};
constexpr auto kSeen = std::to_array<Seen>({{"query-names", true, true},
                                            {"key-names", true, true},
                                            {"show-mask", true, true},
                                            {"example", true, false},
                                            {"head", true, false},
                                            {"digits", false, false},
                                            {"color", false, false}});

void refuse_unseen(const Settings& settings) {
  const bool json = settings.flag("json"), svg = settings.given("svg");
  if (!json && !settings.given("output")) return;
  for (const auto& [option, in_svg, in_json] : kSeen) {
    if (!settings.given(option) || (svg && in_svg) || (json && in_json)) continue;
    throw ConfigError(fmt::format("--{}: does nothing with {}; {}leave it out", option,
                                  json ? "--json, which has all" : "--output, which shows nothing",
                                  in_svg ? "add --svg FILE.svg, or " : ""));
  }
}

int run_attend(const Invocation& invocation, Console& console) {
  const Settings& settings = invocation.settings;
  refuse_useless_options(settings);
  refuse_unseen(settings);
  require_files_apart(settings);
  std::vector<std::string> dims;
  AttendInput input = input_of(settings, dims, console.err);
  AttendOptions options = options_of(settings);
  read_mask(settings, input, options);
  const bool written = settings.given("output");
  const AttendResult result = written ? attend(input, options, kMostInFiles) : attend(input, options);
  if (settings.given("seed") && std::ranges::none_of(result.untrained, &Untrained::drawn)) {
    throw ConfigError("--seed: does nothing here, where nothing is drawn; --score additive and bilinear draw weights");
  }
  AttendView view = view_of(settings, input, console);
  for (const std::string& dim : dims) view.dims.push_back(printable(dim));

  if (const std::string text = untrained_text(result); !text.empty()) console.err << text << '\n';
  if (settings.given("svg")) write_file(settings.text("svg"), attend_svg(result, view));
  if (written) {
    write_result(result, settings.text("output"));
  } else {
    console.out << (settings.flag("json") ? attend_json(result, view) : attend_text(result, view));
  }
  return kDone;
}

std::string help_of_masks() {
  std::string text = "what a query may attend: terms joined by & and |, of";
  const char* between = " ";
  for (const MaskTermText& term : mask_terms()) {
    text += fmt::format("{}{}({})", between, term.name, term.arguments);
    between = ", ";
  }
  return text + "; or a file of zeros and ones, a query a line";
}

}  // namespace

Command command_attend() {
  static const std::string masks = help_of_masks();
  return {
      .name = "attend",
      .subject = "",
      .summary = "Scores, weights and context vectors of given queries, keys and values",
      .example = "tapehead attend --query q.csv --key k.csv --scale none",
      .options =
          {{.name = "query",
            .kind = OptionKind::path,
            .help = "queries: a file of numbers, one vector a line, perhaps below a line of words that names the "
                    "columns; or the "
                    "numbers, \"1,0,1; 0,1,0\"",
            .placeholder = "FILE|NUMBERS",
            .common = true},
           {.name = "key",
            .kind = OptionKind::path,
            .help = "keys, as wide as the queries",
            .placeholder = "FILE|NUMBERS",
            .common = true},
           {.name = "value",
            .kind = OptionKind::path,
            .help = "values, as many as the keys; by default the keys",
            .placeholder = "FILE|NUMBERS",
            .common = true},
           {"input"},
           {.name = "output",
            .kind = OptionKind::path,
            .check = [](std::string_view path) { require_ending(path, ".h5"); },
            .help = "HDF5 file for context, weights, scores and log_sum_exp, and grads if there is an upstream",
            .when = "instead of tables",
            .placeholder = "FILE.h5",
            .common = true,
            .applies_when = {off("json")}},
           {"scale"},
           {"score"},
           {"score-cap"},
           {"positions"},
           {"rotary-base"},
           {"rotary-share"},
           {"rotary-layout"},
           {"buckets"},
           {"furthest"},
           {"clip-distance"},
           {"normalizer"},
           {"top-keys"},
           {"head-mixing"},
           {"head-gate"},
           {.name = "causal", .kind = OptionKind::flag, .help = "query i attends to keys 0 to i only", .common = true},
           {.name = "mask", .kind = OptionKind::text, .help = masks, .placeholder = "\"TERMS\"", .common = true},
           {.name = "show-mask", .kind = OptionKind::flag, .help = "draw what the mask allows", .common = true},
           {.name = "query-names",
            .kind = OptionKind::text,
            .help = "what the queries are called, with blanks between",
            .placeholder = "\"WORDS\"",
            .common = true},
           {.name = "key-names",
            .kind = OptionKind::text,
            .help = "what the keys are called",
            .placeholder = "\"WORDS\"",
            .common = true},
           {.name = "example",
            .kind = OptionKind::integer,
            .fallback = "0",
            .range = {0, 1e9},
            .help =
                "example to look at, from 0: of attend one of --input; of inspect one that is held out, in place of "
                "--input",
            .when = "to see another than the first"},
           {"head"},
           {.name = "digits",
            .kind = OptionKind::integer,
            .fallback = "3",
            .range = {0, 17},
            .help = "decimals of the numbers shown",
            .when = "--json has all",
            .common = true,
            .applies_when = {off("json")}},
           {"precision"},
           {"seed"},
           {"svg"},
           {"color"},
           {"json"}},
      .conditions = {{"query", off("input")},
                     {"key", off("input")},
                     {"value", off("input")},
                     {"head", on("input")},
                     {"example", on("input")}},
      .run = run_attend,
      .memory_advice = "give fewer queries and keys"};
}

}  // namespace tapehead
