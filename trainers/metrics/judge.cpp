#include "trainers/metrics/judge.hpp"

#include <algorithm>

#include "autograd/ops/cross_entropy.hpp"
#include "trainers/decoding/decoding.hpp"

namespace tapehead {
namespace {

// Places whose logits are there at the same time.
constexpr std::int64_t kPlacesAtOnce = 128;

template <RealScalar T>
class Judge {
 public:
  Judge(const Model& model, Var<T> features, const TokenView& expected)
      : model_(model), features_(features), examples_(static_cast<std::size_t>(expected.examples)) {
    for (std::int64_t b = 0; b < expected.examples; ++b) {
      for (std::int64_t t = 0; t < expected.positions; ++t) {
        if (expected(t, b) == kPadding) continue;
        places_.push_back({t, b});
        wanted_.push_back(expected(t, b));
        if (std::ssize(places_) == kPlacesAtOnce) judge_places();
      }
    }
    if (!places_.empty()) judge_places();
  }

  Judged result() {
    for (TokenCounts& each : examples_) {
      each.sequences = 1;
      each.right_sequences = each.tokens > 0 && each.right_tokens == each.tokens ? 1 : 0;
      losses_.add(each);
    }
    return {losses_, std::move(examples_)};
  }

 private:
  struct Place {
    std::int64_t position, example;
  };

  void judge_places() {
    Tape<T>& tape = features_.tape();
    const NoGrad<T> no_grad(tape);
    const auto [channels, positions, examples] = features_.shape();
    const auto count = std::ssize(places_);
    T* columns = tape.allocate(channels * count);
    for (std::size_t n = 0; n < places_.size(); ++n) {
      const T* from = features_.data() + channels * (places_[n].position + positions * places_[n].example);
      std::copy_n(from, channels, columns + channels * static_cast<std::int64_t>(n));
    }
    const Var<T> logits = model_.project(tape.record("places", {channels, count}, columns, {}, [](Pull<T>&) {}));
    const auto unknown = std::ranges::count(wanted_, static_cast<std::int32_t>(kUnknown));
    losses_.unknown_asked += unknown;
    losses_.known_asked += count - unknown;
    losses_.known_loss += loss_of(logits, false);
    if (unknown > 0) losses_.unknown_loss += loss_of(logits, true);
    const std::int64_t vocabulary = logits.shape().rows;
    for (std::size_t n = 0; n < places_.size(); ++n) {
      const std::int32_t wanted = wanted_[n];
      const T* column = logits.data() + vocabulary * static_cast<std::int64_t>(n);
      const bool right = wanted != kUnknown && likeliest_token(column, vocabulary) == wanted;
      TokenCounts& example = examples_[static_cast<std::size_t>(places_[n].example)];
      ++example.tokens;
      example.ends += wanted == kEnd;
      example.unknown_tokens += wanted == kUnknown;
      example.right_tokens += right;
      example.right_ends += right && wanted == kEnd;
    }
    places_.clear();
    wanted_.clear();
  }

  // The loss of the tokens that are kUnknown, or of those that are not.
  double loss_of(Var<T> logits, bool unknown) const {
    std::vector<std::int32_t> ids = wanted_;
    for (std::int32_t& id : ids) {
      if ((id == kUnknown) != unknown) id = kPadding;
    }
    const auto count = static_cast<std::int32_t>(ids.size());
    return cross_entropy(logits, {ids.data(), &count, count, count, 1}, {.denominator = 1}).item();
  }

  const Model& model_;
  Var<T> features_;
  std::vector<Place> places_;
  std::vector<std::int32_t> wanted_;
  TokenCounts losses_;  // of all examples
  std::vector<TokenCounts> examples_;
};

}  // namespace

template <RealScalar T>
Judged judge(const Model& model, Var<T> features, const TokenView& expected) {
  return Judge<T>(model, features, expected).result();
}

template Judged judge(const Model&, Var<float>, const TokenView&);
template Judged judge(const Model&, Var<double>, const TokenView&);

}  // namespace tapehead
