#include <algorithm>

#include "datasets/tasks/symbols.hpp"

namespace tapehead {

// The repeat copy task of Graves et al. 2014, "Neural Turing Machines", section 4.2, with a fixed number of repeats.
TaskSpec task_repeat() {
  return symbol_task(
      {.name = "repeat",
       .description = "the source several times over",
       .options = {{.name = "repeats",
                    .kind = OptionKind::integer,
                    .fallback = "2",
                    .range = {1, 64},
                    .help = "times that the task repeat writes the source",
                    .when = "more make targets longer than anything in the source"}},
       .shape =
           [](const MadeOptions& options) {
             return ExampleShape{.source = options.max_length,
                                 .target = options.max_length * options.own.integer("repeats")};
           },
       .make =
           [](ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
             const auto source = write_symbols(stream, options, out);
             const std::span<std::int32_t> target = out.target(std::ssize(source) * options.own.integer("repeats"));
             for (auto at = target.begin(); at != target.end();) {
               at = std::ranges::copy(source, at).out;
             }
           },
       .reference =
           [](const SequencePair& given, const MadeOptions& options) {
             SequencePair answer;
             const std::size_t n = given.source.size();
             for (std::size_t t = 0; t < n * static_cast<std::size_t>(options.own.integer("repeats")); ++t) {
               answer.target.push_back(given.source[t % n]);
             }
             return answer;
           }});
}

}  // namespace tapehead
