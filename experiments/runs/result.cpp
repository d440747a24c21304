#include "experiments/runs/result.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/base/errors.hpp"
#include "autograd/base/output_file.hpp"
#include "datasets/digest.hpp"
#include "trainers/metrics/evaluation.hpp"

namespace tapehead {
namespace {

constexpr const char* kFormat = "tapehead-result";
constexpr std::int64_t kVersion = 2;
constexpr const char* kAgain = "remove it, and the run is judged again";
constexpr double kLargestCount = 0x1p53;  // up to here a double holds every whole number

std::string digest_of(const Json& object) { return fmt::format("{:016x}", digest_bytes(to_text(object))); }

Json metrics_json(const std::vector<Result>& results) {
  Json metrics = Json::object();
  for (const Result& result : results) {
    metrics[result.name] = result.counts() ? Json(static_cast<std::int64_t>(result.value)) : Json(result.value);
  }
  return metrics;
}

Json to_json(const Judgement& judgement) {
  Json object{{"checkpoint", judgement.checkpoint},
              {"step", judgement.step},
              {"parameter_digest", judgement.parameter_digest},
              {"metrics", metrics_json(judgement.metrics)}};
  for (const auto& [name, parts] : judgement.slices) {
    Json& list = object["slices"][name] = Json::array();
    for (const auto& [first, last, results] : parts) {
      list.push_back({{"first", first}, {"last", last}, {"metrics", metrics_json(results)}});
    }
  }
  return object;
}

// What no run comes to, in a file that says it was written by one.
void require(bool possible, const char* what) {
  if (!possible) throw ConfigError(fmt::format("its {} is none that a run comes to; {}", what, kAgain));
}

// What the file does not say of a number, this build knows, and a result of another build is refused.
Result named(const std::string& name) {
  const auto found = std::ranges::find(evaluation_metrics(), name, &MetricSpec::name);
  if (found == evaluation_metrics().end()) return {.name = name};
  return {.name = name, .unit = found->unit, .direction = found->direction, .common = found->common};
}

std::int64_t count_in(const Json& object, const char* name) {
  const Json& number = object.at(name);
  require(number.is_number_integer(), name);
  const auto count = number.get<double>();
  require(count >= 0 && count <= kLargestCount, name);
  return number.get<std::int64_t>();
}

std::vector<Result> metrics_in(const Json& object) {
  std::vector<Result> metrics;
  for (const auto& [name, value] : object.items()) {
    Result result = named(name);
    if (!value.is_null()) {
      require(value.is_number(), name.c_str());
      result.value = value.get<double>();
      const bool possible = std::isfinite(result.value) && result.value >= 0;
      require(possible && (result.unit != "share" || result.value <= 1), name.c_str());
    }
    metrics.push_back(std::move(result));
  }
  return metrics;
}

std::vector<SlicedResults> slices_in(const Json& object) {
  std::vector<SlicedResults> slices;
  for (const auto& [name, parts] : object.items()) {
    SlicedResults& slice = slices.emplace_back(SlicedResults{.name = name});
    for (const Json& part : parts) {
      slice.parts.push_back({part.at("first"), part.at("last"), metrics_in(part.at("metrics"))});
    }
  }
  return slices;
}

Judgement judgement_in(const Json& object) {
  Judgement judgement{.checkpoint = object.at("checkpoint"),
                      .step = count_in(object, "step"),
                      .parameter_digest = object.at("parameter_digest"),
                      .metrics = metrics_in(object.at("metrics"))};
  if (object.contains("slices")) judgement.slices = slices_in(object.at("slices"));
  require(judgement.metric("sequences").value_or(0) > 0, "sequences");
  return judgement;
}

StoredResult result_in(const Json& object) {
  StoredResult stored{.made_with = provenance_in(object.at("made_with")),
                      .config = object.at("config"),
                      .split = parse_split(object.at("split")),
                      .result = {}};
  RunResult& result = stored.result;
  if (object.contains("diverged")) {
    result.diverged = object.at("diverged");
    require(!result.diverged.empty(), "diverged");
    return stored;
  }
  result.judged = judgement_in(object.at("judged"));
  if (!object.at("last").is_null()) result.last = judgement_in(object.at("last"));
  result.steps = count_in(object, "steps");
  result.skipped_steps = count_in(object, "skipped_steps");
  result.parameters = count_in(object, "parameters");
  result.seconds = object.at("seconds");
  require(std::isfinite(result.seconds) && result.seconds >= 0, "seconds");
  require(result.of_last().step == result.steps && result.judged.step <= result.steps, "step");
  return stored;
}

}  // namespace

std::optional<double> Judgement::metric(const std::string& name) const {
  const auto found = std::ranges::find(metrics, name, &Result::name);
  return found == metrics.end() || std::isnan(found->value) ? std::nullopt : std::optional(found->value);
}

Judgement judgement_of(const Evaluation& evaluation, std::string checkpoint, std::int64_t step, std::string digest) {
  Judgement judgement{std::move(checkpoint), step, std::move(digest), evaluation.results, evaluation.slices};
  for (Result& result : judgement.metrics) {
    if (!std::isfinite(result.value)) result.value = std::numeric_limits<double>::quiet_NaN();
  }
  return judgement;
}

std::string why_diverged(const Evaluation& evaluation, std::int64_t step) {
  const double loss = evaluation.value("loss");
  if (std::isfinite(loss) && std::isfinite(evaluation.value("perplexity"))) return {};
  if (!std::isfinite(loss)) return fmt::format("after step {} the held-out loss is not finite", step);
  return fmt::format("after step {} the held-out loss is {:.4g} nats a token: no number holds its perplexity", step,
                     loss);
}

std::string config_fingerprint(const std::string& config_text) {
  return fmt::format("{:016x}", digest_bytes(config_text));
}

void write_result(const std::string& path, const StoredResult& stored) {
  const RunResult& result = stored.result;
  Json object{{"format", kFormat},
              {"version", kVersion},
              {"split", name_of(stored.split)},
              {"made_with", tapehead::to_json(stored.made_with)},
              {"config", stored.config}};
  if (!result.diverged.empty()) {
    object["diverged"] = result.diverged;
  } else {
    object["steps"] = result.steps;
    object["skipped_steps"] = result.skipped_steps;
    object["parameters"] = result.parameters;
    object["seconds"] = result.seconds;
    object["judged"] = to_json(result.judged);
    object["last"] = result.last ? to_json(*result.last) : Json(nullptr);
  }
  object["digest"] = digest_of(object);
  write_file(path, to_text(object, 2) + "\n");
}

StoredResult read_result(const std::string& path) {
  const std::string text = read_file(path);
  try {
    Json object = Json::parse(text);
    if (!object.is_object() || !object.contains("format")) {
      throw ConfigError(fmt::format("does not say which data it is of, as an earlier tapehead wrote it; {}", kAgain));
    }
    if (object.at("format") != kFormat || object.at("version") != kVersion) {
      throw ConfigError(fmt::format("is of version {}, this program reads version {}; choose another --out",
                                    object.at("version").dump(), kVersion));
    }
    const std::string digest = object.at("digest");
    object.erase("digest");
    if (digest != digest_of(object)) {
      throw ConfigError(fmt::format("is damaged or was changed: its digest is another; {}", kAgain));
    }
    return result_in(object);
  } catch (const Json::exception&) {
    throw ConfigError(fmt::format("{}: is damaged; {}", path, kAgain));
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace tapehead
