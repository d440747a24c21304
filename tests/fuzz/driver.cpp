// PROGRAM SECONDS [FILE …]: calls a fuzz target with its seeds, then with changed ones, for so many seconds; or with
// files that something was found in. Not led by coverage, as libFuzzer is; it needs nothing but the compiler at hand.
// The inputs are a function of their number: what is found is found again.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "autograd/base/random.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace tapehead {
namespace {

void call(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

// A seed after a few changes: bytes replaced, removed, repeated, put in, pieces of another seed.
std::string changed(const std::vector<std::string>& seeds, std::uint64_t number) {
  const RandomStream random(1, Purpose::test, number);
  std::uint32_t drawn = 0;
  const auto below = [&](std::size_t bound) {
    return bound < 2 ? std::size_t{0} : static_cast<std::size_t>(random.below(bound, drawn++));
  };
  static const char* const kPieces[] = {
      "\n",     "\r\n",        "\t", "=", "#",    "\"",   "-1",           "0", "1e309",
      "nan",    "inf",         ",",  ";", "\xff", "\xc3", "\xef\xbb\xbf", " ", "9223372036854775808",
      "1e-320", "\xe2\x80\xa8"};
  std::string input = seeds[below(seeds.size())];
  for (std::size_t changes = 1 + below(6); changes > 0; --changes) {
    const std::size_t at = below(input.size() + 1);
    switch (below(6)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(below(256));
        break;
      case 1:
        input.erase(at, 1 + below(16));
        break;
      case 2:
        input.insert(at, kPieces[below(std::size(kPieces))]);
        break;
      case 3:
        input.insert(at, 1 + below(300), static_cast<char>(below(256)));
        break;
      case 4:
        input.insert(at, input.substr(below(input.size() + 1), below(64)));
        break;
      default: {
        const std::string& other = seeds[below(seeds.size())];
        input.insert(at, other.substr(below(other.size() + 1), below(64)));
      }
    }
  }
  return input;
}

}  // namespace
}  // namespace tapehead

int main(int count, char** words) {
  using Clock = std::chrono::steady_clock;
  for (int i = 2; i < count; ++i) {
    std::ifstream in(words[i], std::ios::binary);
    tapehead::call({std::istreambuf_iterator<char>(in), {}});
  }
  const std::vector<std::string> seeds = tapehead::fuzz_seeds();
  for (const std::string& seed : seeds) tapehead::call(seed);
  const auto end = Clock::now() + std::chrono::duration<double>(count > 1 ? std::atof(words[1]) : 1);
  std::uint64_t calls = 0;
  while (Clock::now() < end) {
    for (int i = 0; i < 16; ++i) tapehead::call(tapehead::changed(seeds, calls++));
  }
  std::printf("%llu inputs\n", static_cast<unsigned long long>(calls));
}
