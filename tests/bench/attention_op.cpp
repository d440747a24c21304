#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "autograd/kernels/blas.hpp"
#include "autograd/masks/causal.hpp"
#include "autograd/masks/documents.hpp"
#include "autograd/masks/window.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/parallel.hpp"

// Times one call of attention() in float, forward and backward, or forward alone: attention_op ROW LENGTH THREADS
// [forward]. Prints the median of the milliseconds. `attention` beside this file compares it with PyTorch.

namespace {

using namespace tapehead;

constexpr std::int64_t kExamples = 4, kHeads = 8, kWidth = 64, kDocument = 128;

std::vector<float> numbers(std::int64_t count, unsigned seed) {
  std::vector<float> x(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(static_cast<double>((i + seed) * 2654435761U % 65536) / 32768.0 - 1.0);
  }
  return x;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return std::fprintf(stderr, "attention_op ROW LENGTH THREADS [forward]\n"), 2;
  const bool backward = count == 4;
  const std::string_view row = arguments[1];
  const std::int64_t length = std::atoll(arguments[2]);
  WorkerPool workers(std::atoi(arguments[3]));
  Tape<float> tape;
  tape.set_workers(&workers);

  const std::int64_t key_heads = row == "gqa" ? kHeads / 4 : kHeads;
  AttentionOptions options{.heads = kHeads, .key_heads = key_heads, .scale = 0.125};
  std::vector<std::int32_t> documents(static_cast<std::size_t>(length * kExamples));
  for (std::size_t i = 0; i < documents.size(); ++i) {
    documents[i] = static_cast<std::int32_t>(static_cast<std::int64_t>(i) % length / kDocument);
  }
  if (row == "causal" || row == "alibi" || row == "gqa") options.mask = Causal{};
  if (row == "window") options.mask = Window{.left = 127};
  if (row == "documents") options.mask = Causal{} & Documents{documents.data()};
  // In the op's own workers, not in shards: whole maps are computed by one thread.
  options.kernel = AttentionKernel::tiled;

  const auto q = numbers(kHeads * kWidth * length * kExamples, 1);
  const auto k = numbers(key_heads * kWidth * length * kExamples, 2);
  const auto v = numbers(key_heads * kWidth * length * kExamples, 3);
  std::vector<float> line;
  for (std::int64_t h = 0; h < kHeads; ++h) {
    for (std::int64_t d = 1 - length; d < length; ++d) {
      line.push_back(static_cast<float>(d) * std::pow(0.5F, static_cast<float>(h + 1)));
    }
  }
  std::vector<double> times;
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds_since = [](auto then) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
  };
  while (times.size() < 5 || seconds_since(begin) < 2) {
    tape.reset();
    const Var<float> x = tape.input({kHeads * kWidth, length, kExamples}, q.data());
    const Var<float> y = tape.input({key_heads * kWidth, length, kExamples}, k.data());
    const Var<float> z = tape.input({key_heads * kWidth, length, kExamples}, v.data());
    ScoreTerms<float> terms{.least = 1 - length};
    if (row == "alibi") terms.line = tape.constant({2 * length - 1, kHeads}, line.data());
    const auto start = std::chrono::steady_clock::now();
    const Var<float> context =
        attention(RowBlock<float>::all(x), RowBlock<float>::all(y), RowBlock<float>::all(z), options, terms).context;
    if (backward) tape.backward(context, q.data());
    times.push_back(1000 * seconds_since(start));
  }
  std::nth_element(times.begin(), times.begin() + std::ssize(times) / 2, times.end());
  std::printf("%.4f\n", times[times.size() / 2]);
}
