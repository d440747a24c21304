// Configurations: what is taken says again what it was, and makes a model or is refused.

#include "experiments/options/presets.hpp"
#include "experiments/options/run_config.hpp"
#include "tests/fuzz/target.hpp"
#include "trainers/optimizer.hpp"

namespace tapehead {

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds{"", Settings().config_text(),
                                 "task = text\ntrain = \"a b.tsv\" # pairs\nmin-count = 2\n",
                                 "scale = 0.125\nlr=1e-3\noptimizer = nesterov\nmomentum = 0.9\n",
                                 "schedule = plateau\nvalidate-every = 5\nearly-stop = 2\n"};
  for (const Preset& preset : presets()) seeds.emplace_back(preset.text);
  return seeds;
}

}  // namespace tapehead

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tapehead;
  const std::string text(reinterpret_cast<const char*>(data), size);
  Settings settings;
  if (!succeeds([&] { settings.read_config(text, Origin::file, "fuzz.cfg", "/folder"); })) return 0;
  if (!succeeds([&] { settle(settings); })) return 0;

  const std::string written = settings.config_text();
  Settings again;
  again.read_config(written, Origin::file, "again.cfg", "/elsewhere");
  settle(again);
  require(again.config_text() == written, "a configuration that was written is read as another");

  RunConfig config = make_run_config(settings);
  config.model.source_vocabulary = config.model.target_vocabulary = 10;
  config.model.max_positions = std::max<std::int64_t>(config.model.max_positions, 1);
  succeeds([&] { check_config(config.model); });
  succeeds([&] { check_schedule(config.trainer.step.schedule); });
  return 0;
}
