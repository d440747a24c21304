#pragma once

#include <span>

#include "datasets/made.hpp"
#include "datasets/task.hpp"

namespace tapehead {

/// Completes the spec of a task whose sources are random symbols, min_length to max_length of them, and whose targets
/// are no longer: what the spec leaves open becomes that of such sequences. A level is a length. The slice `length` is
/// added to those of the spec.
TaskSpec symbol_task(TaskSpec spec);

/// Writes a source of the stream's length, and returns it: symbols as ids, from kFirstFreeId on.
std::span<const std::int32_t> write_symbols(ExampleStream& stream, const MadeOptions& options, ExampleWriter& out);

}  // namespace tapehead
