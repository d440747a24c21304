#include <algorithm>

#include "datasets/tasks/symbols.hpp"

namespace tapehead {

TaskSpec task_copy() {
  return symbol_task({.name = "copy",
                      .description = "the source again",
                      .make =
                          [](ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
                            const auto source = write_symbols(stream, options, out);
                            std::ranges::copy(source, out.target(std::ssize(source)).begin());
                          },
                      .reference =
                          [](const SequencePair& given, const MadeOptions&) {
                            SequencePair answer;
                            for (std::size_t t = 0; t < given.source.size(); ++t) {
                              answer.target.push_back(given.source[t]);
                            }
                            return answer;
                          }});
}

}  // namespace tapehead
