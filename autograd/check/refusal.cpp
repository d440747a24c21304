#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/check/check.hpp"
#include "autograd/tape.hpp"

namespace tapehead {
namespace {

template <Scalar T>
std::string refuse(const OpSpec& spec, const OpRefusal& refusal, bool with_gradients) {
  Tape<T> tape;
  std::vector<Var<T>> vars;
  for (const Shape& shape : refusal.inputs) {
    const std::vector<T> values(static_cast<std::size_t>(shape.size()), T(1));
    vars.push_back(with_gradients ? tape.input(shape, values.data()) : tape.constant(shape, values.data()));
  }
  try {
    refusal.call(tape, Inputs<T>(vars));
  } catch (const Error& error) {
    const std::string said = error.what();
    if (said.find(refusal.message) != std::string::npos) return {};
    return fmt::format("{}/{}: refused with \"{}\", not \"{}\"", spec.name, refusal.label, said, refusal.message);
  }
  return fmt::format("{}/{}: was not refused", spec.name, refusal.label);
}

}  // namespace

std::string check_refusal(const OpSpec& spec, const OpRefusal& refusal) {
  for (const bool with_gradients : {false, true}) {
    for (const std::string& wrong :
         {refuse<float>(spec, refusal, with_gradients), refuse<double>(spec, refusal, with_gradients),
          refuse<std::complex<double>>(spec, refusal, with_gradients)}) {
      if (!wrong.empty()) return wrong;
    }
  }
  return {};
}

}  // namespace tapehead
