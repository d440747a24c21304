#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "autograd/ops/attention.hpp"
#include "autograd/ops/detail/attention_plan.hpp"
#include "autograd/ops/recurrence.hpp"
#include "autograd/parallel.hpp"

namespace tapehead {

/// What a recurrence reads at each position: of every head a query and a key (D), a value (Dv), and perhaps gates.
template <Scalar T>
struct RecurrenceInputs {
  RowBlock<T> query, key, value, gate = {};

  std::array<RowBlock<T>, 4> blocks() const { return {query, key, value, gate}; }
};

/// Sizes of one call, checked.
struct RecurrencePlan {
  std::int64_t heads, width, value_width, gate_width, positions, slices;
  const std::int32_t* lengths;
  bool backwards;

  std::array<std::int64_t, 4> widths() const { return {width, width, value_width, gate_width}; }
  std::int64_t length(std::int64_t slice) const {
    return lengths == nullptr ? positions : std::min<std::int64_t>(lengths[slice], positions);
  }
};

/// Throws ShapeError and ConfigError by the name of the op: "delta_rule: key is (4, 5), query is (6, 5)". `gate_width`
/// is that of one head; 0: there are no gates.
template <Scalar T>
RecurrencePlan plan_recurrence(const char* op, const RecurrenceInputs<T>& in, const RecurrenceOptions& options,
                               std::int64_t gate_width);

/// Some consecutive positions of one head, side by side: (width, count) of each input.
template <Scalar T>
struct RecurrenceChunk {
  const RecurrencePlan& plan;
  std::int64_t head, count;
  const T *query, *key, *value, *gate;
  const T* state;  ///< before the first of them
};

/// What the gradients of a chunk are written to, every element. `state` comes in as that of the state behind the chunk
/// and leaves as that of the state before it.
template <Scalar T>
struct RecurrenceGradients {
  const T* context;
  T* state;
  T *query, *key, *value, *gate;
};

namespace detail {

// Where the columns of one head of one slice are, in the order in which they are read.
struct HeadColumns {
  std::int64_t first;   // element of the column that is read first
  std::int64_t stride;  // from each to the next; negative if they are read backwards

  HeadColumns(const RecurrencePlan& plan, const Shape& whole, std::int64_t first_row, std::int64_t slice)
      : first(first_row + slice * whole.rows * whole.columns), stride(whole.rows) {
    if (!plan.backwards) return;
    first += whole.rows * (plan.length(slice) - 1);
    stride = -stride;
  }
  std::int64_t at(std::int64_t i) const { return first + i * stride; }
};

// Buffers of a chunk: (width, kChunk) of each of the four inputs, and of the context.
template <Scalar T>
struct ChunkBuffers {
  std::array<T*, 4> inputs{};
  T* context = nullptr;

  static std::int64_t size(const RecurrencePlan& plan, std::int64_t chunk) {
    return chunk * (2 * plan.width + 2 * plan.value_width + plan.gate_width);
  }
  ChunkBuffers(const RecurrencePlan& plan, std::int64_t chunk, T*& memory) {
    for (std::size_t i = 0; i < 4; ++i) {
      inputs[i] = memory;
      memory += chunk * plan.widths()[i];
    }
    context = memory;
    memory += chunk * plan.value_width;
  }
};

template <Scalar T>
void read_chunk(const RecurrencePlan& plan, const std::array<RowBlock<T>, 4>& blocks, std::int64_t head,
                std::int64_t slice, std::int64_t first, std::int64_t count, const ChunkBuffers<T>& to) {
  for (std::size_t i = 0; i < 4; ++i) {
    const std::int64_t width = plan.widths()[i];
    if (width == 0) continue;
    const HeadColumns columns(plan, blocks[i].x.shape(), blocks[i].first_row + head * width, slice);
    for (std::int64_t t = 0; t < count; ++t) {
      std::copy_n(blocks[i].x.data() + columns.at(first + t), width, to.inputs[i] + t * width);
    }
  }
}

// Tasks [0, count), each in a thread that has scratch memory of its own.
template <class F>
void for_each_task_in(WorkerPool* workers, std::int64_t count, F&& task) {
  if (workers == nullptr || workers->size() == 1 || count <= 1) {
    for (std::int64_t i = 0; i < count; ++i) task(i, 0);
    return;
  }
  workers->run([&](int worker) {
    const WorkRange range = work_range(count, worker, workers->size());
    for (std::int64_t i = range.first; i < range.last; ++i) task(i, worker);
  });
}

inline std::int64_t threads_of(const WorkerPool* workers) { return workers == nullptr ? 1 : workers->size(); }

}  // namespace detail

/// One head after another, in chunks of Kernel::kChunk positions, so that most of the work is products of matrices. Of
/// each chunk the state before it is kept, and everything else is made again on the way back: memory is linear in the
/// length. A kernel is a plain value with
///
///     std::int64_t state_size(plan), work_size(plan)            // of one head, in numbers
///     void context(chunk, T* context, T* work)                  // (Dv, count)
///     void advance(chunk, T* state, T* work)                    // state: before the chunk → behind it; after
///     context() void pull(chunk, gradients, T* work)
///
/// `state` (state_size, H, B) or nullptr: see RecurrenceOptions.
template <Scalar T, class Kernel>
Var<T> recur(const char* op, const Kernel& kernel, const RecurrenceInputs<T>& in, const RecurrencePlan& plan,
             T* state) {
  using namespace detail;
  constexpr std::int64_t kChunk = Kernel::kChunk;
  Tape<T>& tape = in.query.x.tape();
  const auto blocks = in.blocks();
  const std::array<Var<T>, 4> inputs{in.query.x, in.key.x, in.value.x, in.gate.x};
  const bool keeps = tape.will_differentiate(inputs);
  const Shape shape{plan.heads * plan.value_width, plan.positions, plan.slices};
  const std::int64_t tasks = plan.heads * plan.slices;
  const std::int64_t chunks = (plan.positions + kChunk - 1) / kChunk;
  const std::int64_t size = kernel.state_size(plan);
  T* y = tape.allocate(shape.size());
  T* states = tape.allocate(keeps ? tasks * chunks * size : 0);
  const std::int64_t own = size + ChunkBuffers<T>::size(plan, kChunk) + kernel.work_size(plan);
  T* scratch = tape.allocate(threads_of(tape.workers()) * own);

  for_each_task_in(tape.workers(), tasks, [&](std::int64_t task, int worker) {
    const std::int64_t head = task % plan.heads;
    const std::int64_t slice = task / plan.heads;
    const std::int64_t length = plan.length(slice);
    T* memory = scratch + worker * own;
    T* now = state != nullptr ? state + task * size : memory;
    memory += size;
    if (state == nullptr) std::fill_n(now, size, T(0));
    const ChunkBuffers<T> buffers(plan, kChunk, memory);
    const HeadColumns columns(plan, shape, head * plan.value_width, slice);
    for (std::int64_t c = 0; c * kChunk < length; ++c) {
      const std::int64_t count = std::min(kChunk, length - c * kChunk);
      read_chunk(plan, blocks, head, slice, c * kChunk, count, buffers);
      const auto& [query, key, value, gate] = buffers.inputs;
      const RecurrenceChunk<T> chunk{plan, head, count, query, key, value, gate, now};
      if (keeps) std::copy_n(now, size, states + (task * chunks + c) * size);
      kernel.context(chunk, buffers.context, memory);
      kernel.advance(chunk, now, memory);
      for (std::int64_t t = 0; t < count; ++t) {
        std::copy_n(buffers.context + t * plan.value_width, plan.value_width, y + columns.at(c * kChunk + t));
      }
    }
    for (std::int64_t t = length; t < plan.positions; ++t) {
      std::fill_n(y + shape.offset({head * plan.value_width, t, slice}), plan.value_width, T(0));
    }
  });

  return tape.record(op, shape, y, inputs, [=](Pull<T>& pull) {
    std::array<BlockSink<T>, 4> sinks;
    const bool overlap = open_blocks<T>(pull, blocks, sinks);
    WorkerPool* workers = overlap ? nullptr : blocks[0].x.tape().workers();
    const std::int64_t own_size = size + 2 * ChunkBuffers<T>::size(plan, kChunk) + kernel.work_size(plan);
    T* scratch_memory = pull.scratch(threads_of(workers) * own_size);
    for_each_task_in(workers, tasks, [&](std::int64_t task, int worker) {
      const std::int64_t head = task % plan.heads;
      const std::int64_t slice = task / plan.heads;
      const std::int64_t length = plan.length(slice);
      T* memory = scratch_memory + worker * own_size;
      T* d_state = memory;
      memory += size;
      std::fill_n(d_state, size, T(0));
      const ChunkBuffers<T> buffers(plan, kChunk, memory);
      const ChunkBuffers<T> gradients(plan, kChunk, memory);
      const HeadColumns columns(plan, shape, head * plan.value_width, slice);
      for (std::int64_t c = (length + kChunk - 1) / kChunk; c-- > 0;) {
        const std::int64_t count = std::min(kChunk, length - c * kChunk);
        read_chunk(plan, blocks, head, slice, c * kChunk, count, buffers);
        for (std::int64_t t = 0; t < count; ++t) {
          std::copy_n(pull.d_output() + columns.at(c * kChunk + t), plan.value_width,
                      buffers.context + t * plan.value_width);
        }
        const auto& [query, key, value, gate] = buffers.inputs;
        const auto& [d_query, d_key, d_value, d_gate] = gradients.inputs;
        kernel.pull(RecurrenceChunk<T>{plan, head, count, query, key, value, gate, states + (task * chunks + c) * size},
                    RecurrenceGradients<T>{buffers.context, d_state, d_query, d_key, d_value, d_gate}, memory);
        for (std::size_t i = 0; i < 4; ++i) {
          if (sinks[i].data == nullptr) continue;
          const std::int64_t width = plan.widths()[i];
          const HeadColumns to(plan, blocks[i].x.shape(), blocks[i].first_row + head * width, slice);
          for (std::int64_t t = 0; t < count; ++t) {
            Sink<T>{sinks[i].data + to.at(c * kChunk + t), sinks[i].beta == T(0)}.accumulate(
                width, [from = gradients.inputs[i] + t * width](std::int64_t j) { return from[j]; });
          }
        }
      }
      for (std::size_t i = 0; i < 4; ++i) {  // what was not read
        if (sinks[i].data == nullptr || sinks[i].beta != T(0)) continue;
        const std::int64_t width = plan.widths()[i];
        const Shape whole = blocks[i].x.shape();
        for (std::int64_t t = length; t < plan.positions; ++t) {
          std::fill_n(sinks[i].data + whole.offset({blocks[i].first_row + head * width, t, slice}), width, T(0));
        }
      }
    });
  });
}

}  // namespace tapehead
