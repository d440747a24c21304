#include "experiments/bench/machine.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace tapehead {
namespace {

// Enough chains to fill the pipelines of two units with a latency of five cycles, few enough for 16 registers.
constexpr int kChains = 10;
constexpr std::int64_t kRounds = 20'000;

template <int Bytes>
struct Floats {
  typedef float Vector __attribute__((vector_size(Bytes)));
};

// One body for every width; it is inlined where the target attribute says what the processor can do.
template <int Bytes>
[[gnu::always_inline]] inline float run_chains() {
  using Vector = typename Floats<Bytes>::Vector;
  Vector sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = Vector{} + static_cast<float>(i);
  Vector factor = Vector{} + 0.999F;
  Vector term = Vector{} + 0.001F;
  for (std::int64_t round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kChains; ++i) sums[i] = sums[i] * factor + term;
  }
  for (int i = 1; i < kChains; ++i) sums[0] += sums[i];
  float first = 0;
  std::memcpy(&first, &sums[0], sizeof first);
  return first;
}

struct Chains {
  float (*run)();
  int lanes;
};

#if defined(__x86_64__)
[[gnu::target("avx512f")]] float run_avx512() { return run_chains<64>(); }
[[gnu::target("avx2,fma")]] float run_avx2() { return run_chains<32>(); }
float run_sse() { return run_chains<16>(); }

Chains widest_chains() {
  if (__builtin_cpu_supports("avx512f")) return {run_avx512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {run_avx2, 8};
  return {run_sse, 4};
}
#else
Chains widest_chains() {
  return {[] { return run_chains<16>(); }, 4};
}
#endif

}  // namespace

double measure_fma_peak(WorkerPool& workers) {
  using Clock = std::chrono::steady_clock;
  constexpr int kTries = 20;
  const Chains chains = widest_chains();
  double fastest = 1e9;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const Clock::time_point begin = Clock::now();
    workers.run([&](int) {
      volatile float keep = chains.run();
      (void)keep;
    });
    fastest = std::min(fastest, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  const double operations = 2.0 * chains.lanes * kChains * kRounds * workers.size();
  return operations / fastest * 1e-9;
}

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace tapehead
