#include <algorithm>

#include "datasets/tasks/symbols.hpp"

namespace tapehead {

TaskSpec task_reverse() {
  return symbol_task({.name = "reverse",
                      .description = "the source backwards",
                      .make =
                          [](ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
                            const auto source = write_symbols(stream, options, out);
                            std::ranges::reverse_copy(source, out.target(std::ssize(source)).begin());
                          },
                      .reference =
                          [](const SequencePair& given, const MadeOptions&) {
                            SequencePair answer;
                            for (const std::int32_t id : given.source) answer.target.insert(answer.target.begin(), id);
                            return answer;
                          }});
}

}  // namespace tapehead
