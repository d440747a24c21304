#include "datasets/source.hpp"

namespace tapehead {

Fields<TextOptions> TextOptions::fields() {
  const Conditions files{one_of("task", reader_names())};
  const Conditions to_train{one_of("task", readers_of("train"))};
  static const std::string of_pairs = reader_names([](const DataSource& reader) { return reader.reads_pairs; });
  const Conditions pairs{one_of("task", of_pairs)};
  static const std::string of_words =
      reader_names([](const DataSource& reader) { return reader.reads_pairs || reader.file_option == "text"; });
  const Conditions text_task{one_of("task", of_words)};
  const Member<TextOptions> tokens{[](TextOptions& options, const std::string& text) {
                                     options.tokenizer = text == "auto" ? Tokenizer::words : parse_tokenizer(text);
                                   },
                                   [](const TextOptions& options) -> std::string {
                                     return options.tokenizer == Tokenizer::characters ? "char" : "word";
                                   }};
  const Member<TextOptions> which{
      [](TextOptions& options, const std::string& text) { options.columns = parse_columns(text); },
      [](const TextOptions& options) -> std::string {
        const Columns& c = options.columns;
        if (!c.chosen) return "";
        return c.source_name.empty() ? canonical_text(c.source) + "," + canonical_text(c.target)
                                     : c.source_name + "," + c.target_name;
      }};
  return {
      {&TextOptions::train,
       {.name = "train",
        .kind = OptionKind::pair_files,
        .help = "training pairs: a tab-separated file, or two parallel files A,B; means --task text; of images CSV, or "
                "IDX files A,B",
        .common = true,
        .may_change_on_resume = true,
        .applies_when = to_train,
        .after = "test-size"}},
      {&TextOptions::valid,
       {.name = "valid",
        .kind = OptionKind::pair_files,
        .help = "validation data, in the same form",
        .when = "they choose best.h5",
        .common = true,
        .may_change_on_resume = true,
        .applies_when = files}},
      {&TextOptions::test,
       {.name = "test",
        .kind = OptionKind::pair_files,
        .help = "test data, in the same form",
        .when = "for the figures in the end",
        .common = true,
        .may_change_on_resume = true,
        .applies_when = files}},
      {which,
       {.name = "columns",
        .help = "which columns of tab-separated files are source and target, by number or by the titles in their first "
                "line, such as 2,4 or english,german",
        .when = "set it where a file has more than two",
        .placeholder = "S,T",
        .applies_when = pairs}},
      {tokens,
       {.name = "tokenizer",
        .fallback = "auto",
        .choices = "auto word char",
        .help = "what lines are split into; auto: words of pairs, characters of --text",
        .when = "char for numbers, names and spelling, where few words come twice",
        .applies_when = text_task}},
      {&TextOptions::min_count,
       {.name = "min-count",
        .range = {1, 1e9},
        .help = "words seen less often in training are unknown",
        .when = "raise it to 2 or more for large noisy texts",
        .applies_when = text_task}},
      {&TextOptions::max_words,
       {.name = "max-words",
        .range = {0, 1e9},
        .help = "most words of a vocabulary, the frequent ones first",
        .when = "lower it to save memory",
        .zero = "all",
        .applies_when = text_task}},
      {&TextOptions::max_length, "max-length"},
  };
}

}  // namespace tapehead
