#pragma once

#include <map>
#include <string>
#include <vector>

#include "autograd/tape.hpp"
#include "tests/support/h5_reader.hpp"

namespace tapehead::testing_support {

/// One node of ONNX's own tests, with the gradients of Σ upstream · output, in double: onnx_grads.h5.gz of the shared
/// data folder, unpacked once. Row-major (…, rows) in the file is column-major (rows, …) here.
class OnnxCase {
 public:
  explicit OnnxCase(std::string name) : name_(std::move(name)) {}

  /// The names of all cases of this operator.
  static std::vector<std::string> of(const std::string& op);

  const std::string& name() const { return name_; }
  bool has(const std::string& path) const { return file().contains(name_ + "/" + path); }
  std::vector<double> numbers(const std::string& path) const { return file().doubles(name_ + "/" + path); }
  std::vector<std::int64_t> integers(const std::string& path) const { return file().integers(name_ + "/" + path); }
  std::vector<std::uint8_t> bytes(const std::string& path) const { return file().bytes(name_ + "/" + path); }
  /// Row-major, as it is in the file.
  std::vector<std::int64_t> shape(const std::string& path) const { return file().shape(name_ + "/" + path); }
  double attribute(const std::string& name, double otherwise) const;
  std::vector<std::string> children(const std::string& group) const { return file().children(name_ + "/" + group); }

 private:
  static const H5Reader& file();

  std::string name_;
};

/// Variables of the tape by their names in the file, laid out as the file has them.
using Named = std::map<std::string, Var<double>>;

/// Compares the outputs with the file's, and after a backward pass from them the gradients of the inputs.
void expect_outputs_and_gradients(const OnnxCase& reference, const Named& inputs, const Named& outputs);

}  // namespace tapehead::testing_support
