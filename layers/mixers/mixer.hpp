#pragma once

#include <complex>
#include <cstdint>
#include <string>
#include <vector>

#include "autograd/ops/attention.hpp"
#include "autograd/ops/recurrence.hpp"
#include "autograd/tape.hpp"
#include "layers/attention/stage.hpp"
#include "layers/scalar_function.hpp"

namespace tapehead {

/// What a mixer is given on the tape: of every head and position a query and a key (D), a value (Dv), and its gates.
template <Scalar T>
struct MixerInput {
  RowBlock<T> query, key, value, gate;  ///< (H·D, T, B), (H·D, T, B), (H·Dv, T, B), and empty if it has no gates
  double scale = 1;                     ///< of the products of query and key
  RecurrenceOptions options = {};
  T* state = nullptr;      ///< see RecurrenceOptions; nullptr: nothing was read before
  bool both_ways = false;  ///< a position hears of all others; only of a mixer that is `symmetric`
};

/// The same of one head in plain loops, for tests: positions in the order in which they are read. Numbers are dual
/// ones, as everywhere in plain models.
struct PlainMixer {
  using Number = std::complex<double>;
  using Columns = std::vector<std::vector<Number>>;
  std::int64_t head = 0;
  double scale = 1;
  bool both_ways = false;   ///< every position is answered from all that are read, of which there may be fewer
  std::size_t answers = 0;  ///< positions that are answered
  std::size_t value_width = 1;
  Columns query = {}, key = {}, value = {}, gate = {};
};

/// What a layer makes of each position for a mixer.
enum class MixerReads {
  queries,  ///< queries, keys, values, and gates if it has some
  values,   ///< values alone
  stream,   ///< nothing: all channels of what the layer reads are one head, and its context is what the layer says
};

/// A way for the positions of a sequence to hear of each other that stands in the place of self-attention, as data: a
/// file layers/mixers/NAME.cpp and a line in the list `mixers` of layers/CMakeLists.txt. Every model can then take it,
/// it decodes from a state of fixed size, and its gradients and values are checked.
struct MixerSpec {
  std::string name;
  std::string description = {};  ///< a phrase for people
  std::string source = {};       ///< where it was published

  MixerReads reads = MixerReads::queries;
  bool causal = true;                                       ///< whether a position can do without those behind it
  std::int64_t (*gates)(const HeadSizes& sizes) = nullptr;  ///< of one head, projected like keys; nullptr: none
  double first_gate = 0;                                    ///< where their biases begin
  bool turns = false;  ///< whether rotary positions make sense of its queries and keys
  /// Whether a context is a mean of values. Else the length of a context grows with what was read, and each head's is
  /// brought to a root mean square of one, as retention and the others were published (a gain behind it would be one
  /// with the output's weight).
  bool averages = false;
  bool symmetric = false;  ///< reads both ways by itself; else a sequence is read from either end, and contexts add up

  std::int64_t (*state_size)(const HeadSizes& sizes) = nullptr;  ///< of one head, in numbers; required of a causal one
  std::int64_t chunk = 32;                                       ///< positions of which one state is kept

  /// Numbers that a pass over so many positions keeps once, however many slices there are; nullptr: none.
  double (*shared_values)(const HeadSizes& sizes, double positions) = nullptr;

  ScalarFunction<MixerInput> apply = {};  ///< (H·Dv, T, B); required
  /// The context of each position: required.
  PlainMixer::Columns (*plain)(const PlainMixer& in) = nullptr;
};

/// Every mixer that is built. Generated from the list: one without a spec does not link.
const std::vector<MixerSpec>& mixer_specs();

/// Throws ConfigError "mixer: "x" is none of attention, linear".
const MixerSpec& find_mixer(const std::string& name);
/// Names, the first one first, with a space between: of all, or of those that are so.
std::string mixer_names(bool (*which)(const MixerSpec& spec) = nullptr);

}  // namespace tapehead
