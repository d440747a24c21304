#include <algorithm>

#include "datasets/tasks/symbols.hpp"

namespace tapehead {

TaskSpec task_sort() {
  return symbol_task({.name = "sort",
                      .description = "the source in ascending order",
                      .make =
                          [](ExampleStream& stream, const MadeOptions& options, ExampleWriter& out) {
                            const auto source = write_symbols(stream, options, out);
                            const auto target = out.target(std::ssize(source));
                            std::ranges::copy(source, target.begin());
                            std::ranges::sort(target);
                          },
                      // Each symbol of the vocabulary in turn, as often as the source has it.
                      .reference =
                          [](const SequencePair& given, const MadeOptions& options) {
                            SequencePair answer;
                            for (std::int32_t id = kFirstFreeId; id < kFirstFreeId + options.symbols; ++id) {
                              for (const std::int32_t found : given.source) {
                                if (found == id) answer.target.push_back(id);
                              }
                            }
                            return answer;
                          }});
}

}  // namespace tapehead
