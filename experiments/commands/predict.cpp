#include <fmt/format.h>

#include <ostream>

#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/text_width.hpp"
#include "experiments/trained.hpp"
#include "trainers/decoding.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kLinesAtOnce = 64;

// One line in, one line out, in order, also for lines that cannot be read: their output is empty.
template <RealScalar T>
class Predictor {
 public:
  Predictor(const Trained& trained, Console& console)
      : trained_(trained), console_(console), lines_(console.in), parameters_(load_parameters<T>(trained)), tape_(parameters_) {}

  int run() {
    // Lines that are there already are decoded together; one that comes alone is answered at once.
    while (take_line()) {
      if (is_empty_.size() >= kLinesAtOnce || !lines_.is_ready()) answer();
    }
    answer();
    return bad_lines_ == 0 ? kDone : kWrongUsage;
  }

 private:
  // False at the end. A line that is no text, or none that the model can read, is told of and has an empty output.
  bool take_line() {
    std::vector<std::int32_t> ids;
    try {
      std::string_view line;
      if (!lines_.next(line)) return false;
      ids = trained_.encode(std::string(line));
    } catch (const DataError& error) {
      ++bad_lines_;
      const std::string why = error.what();
      const std::string place = lines_.place() + ": ";
      console_.err << "tapehead: " << one_line(why.starts_with(console_.in.name()) ? why : place + why) << std::endl;
      if (lines_.ended()) return false;
    }
    is_empty_.push_back(ids.empty());
    if (!ids.empty()) sources_.push_back(std::move(ids));
    return true;
  }

  void answer() {
    const auto outputs = sources_.empty()
                             ? sources_
                             : decode_greedily<T>(trained_.model, tape_, sources_, trained_.config.model.max_positions);
    auto next = outputs.begin();
    for (const bool empty : is_empty_) console_.out << (empty ? "" : trained_.line(*next++)) << '\n';
    console_.out.flush();
    sources_.clear();
    is_empty_.clear();
  }

  const Trained& trained_;
  Console& console_;
  LineReader lines_;
  ParameterStore<T> parameters_;
  Tape<T> tape_;
  std::vector<std::vector<std::int32_t>> sources_;
  std::vector<bool> is_empty_;
  std::int64_t bad_lines_ = 0;
};

}  // namespace

int run_predict(const Invocation& invocation, Console& console) {
  const Trained trained = open_trained(invocation.subject);
  return with_precision(trained.config.double_precision,
                        [&](auto scalar) { return Predictor<decltype(scalar)>(trained, console).run(); });
}

}  // namespace tapehead
