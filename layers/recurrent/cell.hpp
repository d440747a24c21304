#pragma once

#include <complex>
#include <cstdint>
#include <string>
#include <vector>

#include "autograd/ops/cell.hpp"
#include "layers/scalar_function.hpp"

namespace tapehead {

/// What a cell is given on the tape.
template <Scalar T>
struct CellCall {
  CellInputs<T> in;
  CellOptions options = {};
};

/// One step in plain loops, for tests: what x (with the bias) and what the h before give of each gate, the recurrent
/// bias (H, or empty), and the state before. Numbers are dual ones, as everywhere in plain models.
struct PlainCell {
  using Numbers = std::vector<std::complex<double>>;
  Numbers of_x, of_h, recurrent_bias, before;
};

/// What makes the next state of a state and an input, as data: a file layers/recurrent/cells/NAME.cpp and a line in the
/// list `cells` of layers/CMakeLists.txt. Every recurrent layer and model can then take it, and its gradients and
/// values are checked.
struct CellSpec {
  struct Gate {
    const char* name;
    double first_bias = 0;  ///< where its biases begin
  };
  std::string name;
  std::string description = {};  ///< a phrase for people
  std::string source = {};       ///< where it was published

  std::vector<Gate> gates;                 ///< G, in the order of the weights
  std::int64_t states = 1;                 ///< S: the state is so many times H channels, h on top
  const char* gate_of_own_bias = nullptr;  ///< the gate whose product with h has a bias of its own; nullptr: none
  ScalarFunction<CellCall> apply = {};     ///< (S·H, T, B); required
  PlainCell::Numbers (*plain)(const PlainCell& in) = nullptr;  ///< the state behind: required
};

/// Every cell that is built, the first one being what is taken if nothing is said. Generated from the list: one without
/// a spec does not link.
const std::vector<CellSpec>& cell_specs();

/// Throws ConfigError "cell: "x" is none of gru, lstm, tanh".
const CellSpec& find_cell(const std::string& name);
/// Names with a space between.
std::string cell_names();

}  // namespace tapehead
