#include "tests/data/onnx_case.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "autograd/ops/add.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/sum.hpp"
#include "tests/data/data_folder.hpp"
#include "tests/data/torch_case.hpp"

namespace tapehead::testing_support {

const H5Reader& OnnxCase::file() {
  static const std::unique_ptr<const H5Reader> reader = [] {
    const auto unpacked =
        std::filesystem::temp_directory_path() / ("tapehead_onnx_" + std::to_string(getpid()) + ".h5");
    const std::string command =
        "gzip -dc '" + data_folder() + "/torch_vectors/onnx_grads.h5.gz' > '" + unpacked.string() + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    auto opened = std::make_unique<const H5Reader>(unpacked.string());
    std::filesystem::remove(unpacked);  // it is open
    return opened;
  }();
  return *reader;
}

std::vector<std::string> OnnxCase::of(const std::string& op) {
  std::vector<std::string> found;
  for (const std::string& name : file().children("/")) {
    if (file().attribute(name, "op_type") == op) found.push_back(name);
  }
  return found;
}

double OnnxCase::attribute(const std::string& name, double otherwise) const {
  return file().number(name_ + "/attributes", name, otherwise);
}

void expect_outputs_and_gradients(const OnnxCase& reference, const Named& inputs, const Named& outputs) {
  Comparison comparison(kReferenceBound);
  const auto numbers = [](const double* data, const Shape& shape) {
    return std::span(data, static_cast<std::size_t>(shape.size()));
  };
  Tape<double>& tape = outputs.begin()->second.tape();
  Var<double> loss;
  for (const std::string& name : reference.children("upstream")) {
    ASSERT_TRUE(outputs.contains(name)) << name << " was not computed";
    const Var<double> y = outputs.at(name);
    comparison.near(name, numbers(y.data(), y.shape()), reference.numbers("outputs/" + name));
    const Var<double> part = sum(multiply(y, tape.constant(y.shape(), reference.numbers("upstream/" + name).data())));
    loss = loss ? add(loss, part) : part;
  }
  tape.backward(loss);
  for (const auto& [name, x] : inputs) {
    comparison.near("gradient of " + name, numbers(tape.gradient(x), x.shape()), reference.numbers("grads/" + name));
  }
}

}  // namespace tapehead::testing_support
