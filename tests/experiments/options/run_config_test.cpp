#include "experiments/options/run_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "autograd/base/errors.hpp"
#include "experiments/options/conditions.hpp"
#include "experiments/options/presets.hpp"
#include "experiments/runs/run.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

Settings with(const std::vector<std::pair<std::string, std::string>>& options, const std::string& preset = {}) {
  Settings settings;
  for (const auto& [name, value] : options) settings.set(name, value);
  read_preset_or_config(settings, preset);
  return settings;
}

template <class F>
std::string refusal(F call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "taken";
}

std::string settle_refusal(const std::vector<std::pair<std::string, std::string>>& options,
                           const std::string& preset = {}) {
  return refusal([&] {
    Settings settings = with(options, preset);
    settle(settings);
  });
}

TEST(Settle, NumbersThatFollowFromOthersAreWrittenOut) {
  Settings settings = with({{"batch", "3"}});
  settle(settings);
  EXPECT_EQ(settings.integer("shards"), 3);
  EXPECT_EQ(settings.integer("max-length"), 20);
  Settings many = with({{"batch", "80"}});
  settle(many);
  EXPECT_EQ(many.integer("shards"), 4);
}

// What the table says an option is unless it is given is what the library takes it for.
TEST(RunConfig, DefaultsAreThoseOfTheLibrary) {
  Settings settings = with({});
  settle(settings);
  const RunConfig config = make_run_config(settings);
  const OptimizerOptions optimizer;
  EXPECT_EQ(config.trainer.step.optimizer.kind, optimizer.kind);
  EXPECT_EQ(config.trainer.step.optimizer.beta1, optimizer.beta1);
  EXPECT_EQ(config.trainer.step.optimizer.beta2, optimizer.beta2);
  EXPECT_EQ(config.trainer.step.optimizer.epsilon, optimizer.epsilon);
  EXPECT_EQ(config.trainer.step.optimizer.momentum, optimizer.momentum);
  EXPECT_EQ(config.trainer.step.optimizer.weight_decay, optimizer.weight_decay);
  const ScheduleOptions schedule;
  EXPECT_EQ(config.trainer.step.schedule.kind, schedule.kind);
  EXPECT_EQ(config.trainer.step.schedule.learning_rate, default_learning_rate(schedule.kind));
  EXPECT_EQ(config.trainer.step.schedule.final_share, schedule.final_share);
  EXPECT_EQ(config.trainer.step.schedule.plateau_factor, schedule.plateau_factor);
  EXPECT_EQ(config.trainer.step.schedule.plateau_patience, schedule.plateau_patience);
  EXPECT_EQ(config.trainer.step.clip, StepOptions{}.clip);
  EXPECT_EQ(config.trainer.step.label_smoothing, StepOptions{}.label_smoothing);
  const ModelConfig model;
  EXPECT_EQ(config.model.model, model.model);
  EXPECT_EQ(config.model.layers, model.layers);
  EXPECT_EQ(config.model.heads, model.heads);
  EXPECT_EQ(config.model.d_model, model.d_model);
  EXPECT_EQ(config.model.d_ff, model.d_ff);
  EXPECT_EQ(config.model.positions, model.positions);
  EXPECT_EQ(config.model.norm, model.norm);
  EXPECT_EQ(config.model.norm_kind, model.norm_kind);
  EXPECT_EQ(config.model.feed_forward.activation, model.feed_forward.activation);
  EXPECT_EQ(config.model.scale, model.scale);
  EXPECT_EQ(config.model.stages.score, model.stages.score);
  EXPECT_EQ(config.model.stages.cap, model.stages.cap);
  EXPECT_EQ(config.model.stages.normalizer, model.stages.normalizer);
  EXPECT_EQ(config.model.stages.numbers.top_keys, model.stages.numbers.top_keys);
  EXPECT_EQ(config.model.initialisation, model.initialisation);
  EXPECT_EQ(config.model.tie, model.tie);
  EXPECT_EQ(config.model.dropout, model.dropout);
}

// A rate says nothing about the factor of noam, nor a factor about a rate; what was chosen for the kind at hand stays.
TEST(Settle, TheRateFitsTheScheduleThatItIsFor) {
  const auto rate = [](const std::vector<std::pair<std::string, std::string>>& options, const std::string& preset) {
    Settings settings = with(options, preset);
    settle(settings);
    return settings.real("lr");
  };
  EXPECT_EQ(rate({}, ""), 0.001);
  EXPECT_EQ(rate({{"schedule", "noam"}, {"warmup", "9"}}, ""), 1);
  EXPECT_EQ(rate({{"schedule", "inverse_sqrt"}, {"warmup", "9"}}, ""), 0.001);
  EXPECT_EQ(rate({{"schedule", "noam"}, {"warmup", "9"}, {"lr", "0.2"}}, ""), 0.2);
  EXPECT_EQ(rate({}, "copy"), 0.002);
  EXPECT_EQ(rate({{"schedule", "constant"}}, "copy"), 0.002);
  EXPECT_EQ(rate({{"schedule", "noam"}}, "copy"), 1) << "0.002 was the preset's rate under a cosine";
  EXPECT_EQ(rate({{"schedule", "noam"}, {"lr", "0.7"}}, "copy"), 0.7);
  EXPECT_EQ(rate({}, "copy-annotated-transformer"), 0.5) << "the preset's own factor";
  EXPECT_EQ(rate({{"schedule", "constant"}}, "copy-annotated-transformer"), 0.001) << "0.5 was the preset's factor";

  // As an ablation sets its cells: on top of what a preset said.
  Settings cell = with({}, "copy");
  cell.set("schedule", "noam");
  settle(cell);
  EXPECT_EQ(cell.real("lr"), 1);
  // What a run wrote down is what it is resumed with.
  Settings again;
  again.read_config(cell.config_text(), Origin::file, "config.cfg");
  settle(again);
  EXPECT_EQ(again.real("lr"), 1);
}

TEST(Settle, ATrainingFileMakesTextTheTaskAlsoOfAPreset) {
  Settings settings = with({{"train", "/data/a.tsv"}}, "copy");
  settle(settings);
  EXPECT_EQ(settings.text("task"), "text");
  EXPECT_EQ(settings.integer("max-length"), 50) << "the preset's length was for made sequences";
  EXPECT_THAT(settings.config_text(), testing::Not(HasSubstr("symbols")));
}

TEST(Settle, OptionsThatTheTaskHasNoUseForAreRefused) {
  EXPECT_EQ(settle_refusal({{"min-count", "2"}}, "copy"),
            "--min-count: does not apply to task copy (preset copy); it is for task text or plain-text or lines or "
            "masked-text");
  EXPECT_EQ(settle_refusal({{"train", "a"}, {"symbols", "9"}}), "--symbols: does not apply to task text (--train)");
  EXPECT_THAT(settle_refusal({{"task", "copy"}, {"train", "a"}}), HasSubstr("--train: task copy makes its own data"));
  EXPECT_THAT(settle_refusal({{"task", "text"}}), HasSubstr("--train FILE is missing"));
  EXPECT_THAT(settle_refusal({{"train", "a"}, {"model", "decoder"}}), HasSubstr("two vocabularies"));
}

// A value of the option that is not the one it has; empty if it can have no other.
std::string other_value(const OptionSpec& option, const Settings& settings) {
  const std::string& now = settings.text(option.name);
  std::vector<std::string> candidates{"3,4", "0.125", "7", "1000", "2x2"};
  std::istringstream choices{std::string(option.choices)};
  for (std::string choice; choices >> choice;) candidates.push_back(choice);
  for (const std::string& candidate : candidates) {
    try {
      if (canonical_value(option, candidate) != now) return candidate;
    } catch (const ConfigError&) {
    }
  }
  return "";
}

// Whatever a struct says of its members, borrowed options included.
TEST(RunConfig, EveryOptionCanBeReadBackFromWhatItSets) {
  int members = 0;
  RunConfig parts;
  for_each_part(parts, [&]<class Part>(const Part&, OptionGroup) {
    for (const Field<Part>& field : Part::fields()) {
      const std::string name(field.option.name);
      Settings settings;
      settings.set(name, other_value(*find_option(name), settings));
      RunConfig config = make_run_config(settings);
      for_each_part(config, [&]<class Other>(const Other& part, OptionGroup) {
        if constexpr (std::is_same_v<Part, Other>) {
          EXPECT_EQ(field.member.text(part), settings.text(name)) << name;
        }
      });
      ++members;
    }
  });
  EXPECT_GT(members, 60);
}

TEST(RunConfig, EveryOptionReachesWhatItConfigures) {
  Settings settings = with({{"layers", "3"},
                            {"heads", "5"},
                            {"d-model", "40"},
                            {"d-head", "6"},
                            {"d-ff", "7"},
                            {"positions", "learned"},
                            {"norm", "post"},
                            {"norm-kind", "rms"},
                            {"tie", "output"},
                            {"activation", "gelu"},
                            {"scale", "none"},
                            {"score", "cosine"},
                            {"score-cap", "30"},
                            {"normalizer", "top"},
                            {"top-keys", "3"},
                            {"attention", "composed"},
                            {"position-range", "99"},
                            {"initialisation", "normal"},
                            {"init-deviation", "0.04"},
                            {"residual-init", "scaled"},
                            {"embedding-scale", "sqrt_dmodel"},
                            {"embedding-norm", "yes"},
                            {"final-norm", "no"},
                            {"residual", "parallel"},
                            {"value-residual", "learned"},
                            {"distinct-layers", "2"},
                            {"output-bias", "no"},
                            {"dropout", "0.2"},
                            {"attention-dropout", "0.3"},
                            {"feed-forward-dropout", "0"},
                            {"norm-epsilon", "1e-6"},
                            {"query-init", "scaled"},
                            {"batch", "9"},
                            {"steps", "11"},
                            {"lr", "0.5"},
                            {"schedule", "cosine"},
                            {"warmup", "2"},
                            {"final-share", "0.3"},
                            {"beta1", "0.8"},
                            {"beta2", "0.7"},
                            {"adam-epsilon", "0.01"},
                            {"weight-decay", "0.4"},
                            {"clip", "2"},
                            {"label-smoothing", "0.1"},
                            {"optimizer", "adamw"},
                            {"seed", "13"},
                            {"shards", "3"},
                            {"threads", "2"},
                            {"precision", "double"},
                            {"validate-every", "4"},
                            {"validation-limit", "5"},
                            {"log-every", "6"},
                            {"checkpoint-every", "8"},
                            {"early-stop", "19"},
                            {"min-improvement", "0.125"},
                            {"skip-nonfinite", "20"},
                            {"task", "reverse"},
                            {"symbols", "14"},
                            {"min-length", "3"},
                            {"max-length", "15"},
                            {"validation-size", "16"},
                            {"test-size", "17"},
                            {"model", "decoder"}});
  settle(settings);
  const RunConfig config = make_run_config(settings);
  const ModelConfig& m = config.model;
  EXPECT_EQ(std::tuple(m.model, m.layers, m.heads, m.d_model, m.d_head, m.d_ff), std::tuple("decoder", 3, 5, 40, 6, 7));
  EXPECT_EQ(std::tuple(m.positions, m.norm, m.feed_forward.activation, m.scale, m.initialisation, m.dropout),
            std::tuple("learned", "post", "gelu", "none", "normal", 0.2));
  EXPECT_EQ(std::tuple(m.norm_kind, m.tie, m.position_range, m.mixer), std::tuple("rms", "output", 99, "attention"));
  EXPECT_EQ(std::tuple(m.stages.score, m.stages.cap, m.stages.normalizer, m.stages.numbers.top_keys),
            std::tuple("cosine", 30.0, "top", 3));
  EXPECT_EQ(std::tuple(m.draw.deviation, m.draw.residual, m.embedding_scale, m.output_bias),
            std::tuple(0.04, "scaled", "sqrt_dmodel", "no"));
  EXPECT_EQ(std::tuple(m.drops.attention, m.drops.feed_forward, m.block.norm_epsilon, m.draw.query),
            std::tuple("0.3", "0", 1e-6, "scaled"));
  EXPECT_EQ(std::tuple(m.block.embedding_norm, m.block.final_norm, m.block.residual, m.block.value_residual,
                       m.block.distinct_layers),
            std::tuple("yes", "no", "parallel", "learned", 2));
  const StepOptions& s = config.trainer.step;
  EXPECT_EQ(std::tuple(s.seed, s.batch, s.shards, s.clip, s.label_smoothing), std::tuple(13U, 9, 3, 2.0, 0.1));
  EXPECT_EQ(
      std::tuple(s.optimizer.kind, s.optimizer.beta1, s.optimizer.beta2, s.optimizer.epsilon, s.optimizer.weight_decay),
      std::tuple("adamw", 0.8, 0.7, 0.01, 0.4));
  EXPECT_EQ(std::tuple(s.schedule.kind, s.schedule.learning_rate, s.schedule.warmup, s.schedule.steps,
                       s.schedule.final_share, s.schedule.d_model),
            std::tuple("cosine", 0.5, 2, 11, 0.3, 40));
  const TrainerOptions& t = config.trainer;
  EXPECT_EQ(std::tuple(t.steps, t.validate_every, t.validation_limit, t.log_every, t.checkpoint_every, t.threads),
            std::tuple(11, 4, 5, 6, 8, 2));
  EXPECT_EQ(std::tuple(t.early_stop, t.min_improvement, t.skip_nonfinite), std::tuple(19, 0.125, 20));
  const MadeOptions& d = config.data.made;
  EXPECT_EQ(std::tuple(d.task, d.symbols, d.min_length, d.max_length, d.validation, d.test),
            std::tuple("reverse", 14, 3, 15, 16, 17));
  EXPECT_TRUE(config.double_precision);
}

TEST(RunConfig, AnOptionThatATaskDeclaresReachesItAndNoOtherTask) {
  Settings settings = with({{"task", "repeat"}, {"repeats", "3"}});
  settle(settings);
  EXPECT_EQ(make_dataset(make_run_config(settings))->shape().target, 60);
  EXPECT_THAT(settings.config_text(), HasSubstr("repeats = 3\n"));
  EXPECT_EQ(settle_refusal({{"task", "copy"}, {"repeats", "3"}}),
            "--repeats: does not apply to task copy (command line); it is for task repeat");
  EXPECT_THAT(refusal([] { with({{"repeats", "65"}}); }), HasSubstr("65"));
}

TEST(RunConfig, MomentumReachesTheOptimizersThatHaveIt) {
  for (const char* kind : {"sgd", "nesterov"}) {
    Settings settings = with({{"optimizer", kind}, {"momentum", "0.9"}});
    settle(settings);
    const OptimizerOptions options = make_run_config(settings).trainer.step.optimizer;
    EXPECT_EQ(std::tuple(options.kind, options.momentum), std::tuple(kind, 0.9));
  }
}

TEST(RunConfig, ThePlateauAndTheWeightsToStartFromReachWhatTheyConfigure) {
  Settings settings = with({{"schedule", "plateau"},
                            {"validate-every", "3"},
                            {"plateau-factor", "0.25"},
                            {"plateau-patience", "18"},
                            {"init", "/tmp/other"}});
  settle(settings);
  const RunConfig config = make_run_config(settings);
  const ScheduleOptions& schedule = config.trainer.step.schedule;
  EXPECT_EQ(std::tuple(schedule.plateau_factor, schedule.plateau_patience), std::tuple(0.25, 18));
  EXPECT_EQ(config.init, "/tmp/other");
}

TEST(RunConfig, EveryPresetMakesARun) {
  for (const Preset& preset : presets()) {
    Settings settings = with({}, std::string(preset.name));
    if (find_source(settings.text("task")).reads_files()) continue;  // see images_test.cpp and text_models_test.cpp
    const tapehead::Run run = prepare_run(settings);
    EXPECT_GT(run.model.layout().parameter_count(), 1000) << preset.name;
    EXPECT_GE(run.dataset->size(Split::test), 1000) << preset.name;
    EXPECT_GT(run.settings.integer("max-positions"), run.dataset->max_source_length()) << preset.name;
  }
}

TEST(Resume, KeepsTheSavedRunAndTakesWhatMayChange) {
  Settings begun = with({{"heads", "2"}, {"steps", "100"}});
  settle(begun);
  const std::string saved = begun.config_text();
  const auto resumed = [&](const std::vector<std::pair<std::string, std::string>>& options) {
    return resume_settings(with(options), saved, "checkpoint");
  };
  EXPECT_EQ(resumed({}).config_text(), saved);
  EXPECT_EQ(resumed({{"heads", "2"}}).config_text(), saved) << "the same again is no difference";
  EXPECT_EQ(resumed({{"shards", "0"}}).integer("shards"), 4);
  EXPECT_EQ(resumed({{"steps", "200"}, {"log-every", "7"}}).integer("steps"), 200);
  EXPECT_EQ(resumed({{"threads", "3"}}).integer("threads"), 3);
  EXPECT_EQ(refusal([&] {
              resumed({{"heads", "4"}});
            }),
            "--heads: the run was begun with 2, not 4; resume without it, or train anew");
  EXPECT_THAT(refusal([&] { resumed({{"clip", "1"}}); }), HasSubstr("--clip"));
  EXPECT_EQ(refusal([&] {
              resumed({{"attention-mask", "causal"}});
            }),
            "--attention-mask: the run was begun with none, not causal; resume without it, or train anew");
}

// A plateau is found by the validations on the way.
TEST(Resume, ValidationsMayNotChangeWhereTheScheduleGoesByThem) {
  for (const char* schedule : {"constant", "plateau"}) {
    Settings begun = with({{"schedule", schedule}, {"validate-every", "10"}});
    settle(begun);
    const std::string refused = refusal([&] {
      resume_settings(with({{"validate-every", "5"}}), begun.config_text(), "checkpoint");
    });
    EXPECT_EQ(refused.find("--validate-every") != std::string::npos, std::string(schedule) == "plateau") << refused;
  }
}

TEST(Resume, EveryOptionOfTheTableIsTakenOrRefusedByName) {
  for (const bool text : {false, true}) {
    Settings begun = with(text ? std::vector<std::pair<std::string, std::string>>{{"train", "/a"}, {"steps", "9"}}
                               : std::vector<std::pair<std::string, std::string>>{{"steps", "9"}});
    settle(begun);
    for (const OptionSpec& option : option_table()) {
      if (!is_run_option(option) || !applies(begun, option)) continue;
      const std::string name(option.name);
      const std::string value = other_value(option, begun);
      ASSERT_NE(value, "") << name;
      const std::string message = refusal([&] {
        const Settings resumed = resume_settings(with({{name, value}}), begun.config_text(), "checkpoint");
        EXPECT_NE(resumed.text(name), begun.text(name)) << name << " is taken, and changes nothing";
      });
      if (option.may_change_on_resume) {
        EXPECT_EQ(message.find("the run was begun with"), std::string::npos) << message;
      } else {
        EXPECT_THAT(message, HasSubstr("--" + name + ": the run was begun with "));
      }
    }
  }
}

TEST(Resume, StepsMayNotChangeWhereTheScheduleEndsWithThem) {
  Settings begun = with({{"schedule", "cosine"}, {"steps", "100"}});
  settle(begun);
  EXPECT_THAT(refusal([&] {
                resume_settings(with({{"steps", "200"}}), begun.config_text(), "checkpoint");
              }),
              HasSubstr("--steps: the run was begun with 100, not 200"));
}

}  // namespace
}  // namespace tapehead
