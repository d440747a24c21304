#pragma once

#include <string>
#include <utility>

#include "autograd/spec.hpp"

namespace tapehead {

/// The spec of an op that goes down each column as a softmax does: sizes on both sides of each vector, block and
/// unrolling, more points than a block, and columns in which one element is nearly all.
inline OpSpec softmax_spec(std::string name, const GenericFunction& call) {
  const std::string refusal = name + ": a column needs at least one row, x is (0, 3)";
  return {.name = std::move(name),
          .cases =
              {
                  {"K5_Q3", {{{5, 3}}}, call},
                  {"K3_Q2_B2", {{{3, 2, 2}}}, call},
                  {"K1_Q2", {{{1, 2}}}, call},
                  {"K17_Q2_B3", {{{17, 2, 3}, -6, 6}}, call},
                  {"K33_Q1", {{{33, 1}}}, call},
                  {"K67_Q3", {{{67, 3}}}, call},
                  {"K131_Q1", {{{131, 1}}}, call},
                  {"K523_Q1", {{{523, 1}}}, call},
                  {"K3_Q67_B6", {{{3, 67, 6}}}, call},
                  {"saturated", {{{7, 3}, -16, 16}}, call},
              },
          .refusals = {{"no_rows", {{0, 3}}, call, refusal}}};
}

}  // namespace tapehead
