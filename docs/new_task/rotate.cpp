#include <algorithm>

#include "datasets/tasks/symbols.hpp"

namespace tapehead {

TaskSpec task_rotate() {
  return symbol_task({.name = "rotate",
                      .description = "the source, its first symbol moved to the end",
                      .make =
                          [](ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
                            const auto source = write_symbols(stream, options, out);
                            std::ranges::rotate_copy(source, source.begin() + 1,
                                                     out.target(std::ssize(source)).begin());
                          },
                      .reference =
                          [](const SequencePair& given, const MadeOptions&) {
                            SequencePair answer;
                            const std::size_t n = given.source.size();
                            for (std::size_t t = 0; t < n; ++t) answer.target.push_back(given.source[(t + 1) % n]);
                            return answer;
                          }});
}

}  // namespace tapehead
