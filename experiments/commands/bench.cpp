#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

#include "autograd/base/counted.hpp"
#include "autograd/kernels/blas.hpp"
#include "experiments/bench/measurement.hpp"
#include "experiments/options/notices.hpp"
#include "experiments/options/run_config.hpp"
#include "experiments/program/command.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/table.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

// A step as people take it when they compare: AdamW and clipping, unless something else is asked for.
Settings settings_of(const Invocation& invocation) {
  Settings settings = invocation.settings;
  if (!settings.given("optimizer")) settings.resolve("optimizer", "adamw");
  if (!settings.given("weight-decay")) settings.resolve("weight-decay", "0.1");
  if (!settings.given("clip")) settings.resolve("clip", "1");
  settle(settings);
  return settings;
}

BenchOptions options_of(const Settings& settings) {
  const RunConfig config = make_run_config(settings);
  BenchOptions options{
      .model = config.model,
      .shape = {.batch = config.trainer.step.batch,
                .source_length = model_spec(config.model.model).reads_source() ? settings.integer("length") : 0,
                .target_length = settings.integer("length")},
      .step = config.trainer.step,
      .threads = config.trainer.threads,
      .double_precision = config.double_precision,
      .profile = settings.flag("profile"),
      .against = settings.text("against"),
      .rounds = static_cast<int>(settings.integer("rounds")),
      .seconds = settings.real("seconds")};
  options.model.target_vocabulary = settings.integer("vocabulary");
  return options;
}

double tokens_per_second(const BenchReport& report) {
  return static_cast<double>(report.tokens) / report.step_ms.median * 1e3;
}

double gflops(const BenchReport& report) { return report.flop / report.step_ms.median * 1e-6; }

// One op, forward and backward, summed over the workers; milliseconds of one step.
struct OpTime {
  std::string op;
  double forward = 0, backward = 0;
  double both() const { return forward + backward; }
};

std::vector<OpTime> op_times(const StepProfile& profile) {
  std::vector<OpTime> times;
  double busy = 0;
  for (const OpProfile& worker : profile.workers) {
    for (const OpProfile::Entry& entry : worker.entries()) {
      auto found = std::ranges::find(times, entry.op, &OpTime::op);
      if (found == times.end()) found = times.insert(times.end(), {.op = std::string(entry.op)});
      found->forward += 1e3 * entry.forward;
      found->backward += 1e3 * entry.backward;
      busy += entry.forward + entry.backward;
    }
  }
  const auto threads = static_cast<double>(profile.workers.size());
  times.push_back({"(sum over shards, waiting)", 1e3 * std::max(0.0, threads * profile.shards - busy), 0});
  times.push_back({"(batch)", 1e3 * threads * profile.batch, 0});
  times.push_back({"(norm of the gradient)", 1e3 * threads * profile.norm, 0});
  times.push_back({"(optimizer)", 1e3 * threads * profile.update, 0});
  std::ranges::stable_sort(times, std::greater{}, &OpTime::both);
  return times;
}

std::string profile_table(const StepProfile& profile, std::size_t width) {
  const std::vector<OpTime> times = op_times(profile);
  double total = 0;
  for (const OpTime& time : times) total += time.both();
  Table table({"op", "forward ms", "backward ms", "share"});
  for (const auto& [op, forward, backward] : times) {
    const std::string second = backward > 0 ? fmt::format("{:.3f}", backward) : "";
    table.add({op, fmt::format("{:.3f}", forward), second, fmt::format("{:.1f}%", 100 * (forward + backward) / total)});
  }
  return fmt::format("\ntime of one step, summed over {}:\n{}", counted(profile.workers.size(), "thread"),
                     table.text(width));
}

std::string mebibytes(std::int64_t bytes) { return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20)); }

std::string as_text(const BenchReport& report, const BenchOptions& options, std::size_t width) {
  Table table;
  table.add({"model", fmt::format("{}, {}", options.model.model, counted(report.parameters, "parameter"))});
  table.add({"step", fmt::format("{:.3f} ms, the median of {}; from {:.3f} to {:.3f}", report.step_ms.median,
                                 report.steps, report.step_ms.min, report.step_ms.max)});
  table.add({"speed", fmt::format("{:.0f} tokens a second, {}, {}", tokens_per_second(report),
                                  counted(options.threads, "thread"), counted(report.shards, "shard"))});
  if (report.flop > 0) {
    table.add({"products alone",
               fmt::format("{:.3f} ms at {}: the step takes {:.2f} times as long", report.floor_ms.median,
                           counted(report.floor_shards, "shard"), report.step_ms.median / report.floor_ms.median)});
    const std::string speed =
        fmt::format("{:.3f} GFLOP in products, {:.1f} GFLOP/s", report.flop * 1e-9, gflops(report));
    const auto share = share_of_peak(gflops(report), report.fma_peak_gflops);
    table.add({"arithmetic", share ? fmt::format("{}, {:.0f}% of the {:.1f} that the cores can", speed, 100 * *share,
                                                 report.fma_peak_gflops)
                                   : speed + "; what the cores can was not seen: the machine is busy"});
  }
  table.add({"blas", blas_info().library + ", kernel " + blas_info().kernel});
  table.add({"memory", mebibytes(report.peak_rss_bytes) + " resident at most"});
  if (report.allocations_per_step) {
    table.add({"allocations", fmt::format("{:g} on the heap in a step", *report.allocations_per_step)});
  }
  if (const auto& against = report.against) {
    table.add({"against", options.against});
    table.add({"its step", fmt::format("{:.3f} ms, from {:.3f} to {:.3f} in {}; {}", against->step_ms.median,
                                       against->step_ms.min, against->step_ms.max, counted(options.rounds, "round"),
                                       mebibytes(against->peak_rss_bytes))});
    table.add({"ratio", fmt::format("it takes {:.2f} times as long, from {:.2f} to {:.2f}", against->ratio.median,
                                    against->ratio.min, against->ratio.max)});
  }
  return table.text(width) + (report.profile ? profile_table(*report.profile, width) : "");
}

Json profile_json(const StepProfile& profile) {
  Json ops = Json::array();
  for (const auto& [op, forward, backward] : op_times(profile)) {
    ops.push_back({{"op", op}, {"forward_ms", forward}, {"backward_ms", backward}});
  }
  return ops;
}

Json as_json(const BenchReport& report, const BenchOptions& options) {
  const bool has_floor = report.flop > 0;
  const auto share = has_floor ? share_of_peak(gflops(report), report.fma_peak_gflops) : std::nullopt;
  const auto if_floor = [&](double value) { return has_floor ? Json(value) : Json(nullptr); };
  Json object{{"model", options.model.model},
              {"parameters", report.parameters},
              {"threads", options.threads},
              {"shards", report.shards},
              {"steps", report.steps},
              {"step_ms_median", report.step_ms.median},
              {"step_ms_min", report.step_ms.min},
              {"step_ms_max", report.step_ms.max},
              {"tokens_per_second", tokens_per_second(report)},
              {"gemm_floor_ms", if_floor(report.floor_ms.median)},
              {"gemm_floor_shards", report.floor_shards},
              {"step_over_floor", if_floor(report.step_ms.median / report.floor_ms.median)},
              {"fma_peak_gflops", report.fma_peak_gflops},
              {"blas", blas_info().library},
              {"blas_kernel", blas_info().kernel},
              {"model_gflop_per_step", if_floor(report.flop * 1e-9)},
              {"utilization", share ? Json(*share) : Json(nullptr)},
              {"peak_rss_bytes", report.peak_rss_bytes}};
  object["allocations_per_step"] = report.allocations_per_step ? Json(*report.allocations_per_step) : Json(nullptr);
  if (const auto& against = report.against) {
    object["against"] = {{"command", options.against},
                         {"rounds", options.rounds},
                         {"step_ms_median", against->step_ms.median},
                         {"ratio_median", against->ratio.median},
                         {"ratio_min", against->ratio.min},
                         {"ratio_max", against->ratio.max},
                         {"peak_rss_bytes", against->peak_rss_bytes}};
  }
  if (report.profile) object["profile"] = profile_json(*report.profile);
  return object;
}

int run_bench(const Invocation& invocation, Console& console) {
  const Settings settings = settings_of(invocation);
  tell_of_settings(settings, console.err);
  const BenchOptions options = options_of(settings);
  const BenchReport report = measure_step(options);
  console.out << (invocation.settings.flag("json") ? to_text(as_json(report, options)) + "\n"
                                                   : as_text(report, options, console.width));
  return kDone;
}

}  // namespace

Command command_bench() {
  return {.name = "bench",
          .subject = "",
          .summary = "Time and memory of a training step beside its matrix products alone, and beside other programs",
          .example = "tapehead bench --model decoder --layers 4 --d-model 128 --d-ff 512 --length 64 --batch 12",
          .model_options = true,
          .options = {{.name = "length",
                       .kind = OptionKind::integer,
                       .fallback = "16",
                       .range = {1, 1e6},
                       .help = "tokens of every sequence, of source and target each",
                       .when = "as many as your data have",
                       .common = true},
                      {.name = "vocabulary",
                       .kind = OptionKind::integer,
                       .fallback = "64",
                       .range = {5, 1e6},
                       .help = "different tokens, the four reserved ones included",
                       .when = "as many as your data have",
                       .common = true},
                      {.name = "profile",
                       .kind = OptionKind::flag,
                       .help = "show where the time goes, op by op",
                       .common = true},
                      {.name = "against",
                       .kind = OptionKind::text,
                       .help = "command that times its own step, to alternate with; it prints JSON with step_ms_median",
                       .placeholder = "COMMAND",
                       .common = true},
                      {.name = "rounds",
                       .kind = OptionKind::integer,
                       .fallback = "3",
                       .range = {1, 1000},
                       .help = "times that steps, products and the other command take turns",
                       .when = "more on a busy machine",
                       .common = true},
                      {.name = "seconds",
                       .kind = OptionKind::real,
                       .fallback = "2",
                       .range = NumberRange::positive(),
                       .help = "seconds that steps are measured for in a round",
                       .when = "more for large models",
                       .common = true},
                      {"json"},
                      {"batch"},
                      {"optimizer"},
                      {"momentum"},
                      {"weight-decay"},
                      {"clip"},
                      {"label-smoothing"},
                      {"seed"},
                      {"shards"},
                      {"precision"},
                      {"threads"}},
          .run = run_bench};
}

}  // namespace tapehead
