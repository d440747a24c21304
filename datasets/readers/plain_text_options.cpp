#include "datasets/readers/plain_text_options.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "datasets/source.hpp"

namespace tapehead {

Fields<PlainTextOptions> PlainTextOptions::fields() {
  const Conditions plain{one_of("task", readers_of("text"))};
  return {
      {&PlainTextOptions::text,
       {.name = "text",
        .kind = OptionKind::path,
        .help = "plain text to go on with; means --task plain-text",
        .placeholder = "FILE",
        .common = true,
        .may_change_on_resume = true,
        .applies_when = plain,
        .after = "test"}},
      {&PlainTextOptions::validation_share,
       {.name = "validation-share",
        .range = {.low = 0, .high = 0.5},
        .help = "share of the text that is held out for validation, behind what is trained on; of lines any",
        .when = "0 where --valid or --test is given",
        .applies_when = plain,
        .after = "max-words"}},
      {&PlainTextOptions::test_share,
       {.name = "test-share",
        .range = {.low = 0, .high = 0.5},
        .help = "share of the text that is held out for the test, at its end; of lines any",
        .when = "0 where --valid or --test is given",
        .applies_when = plain}},
      {&PlainTextOptions::stride,
       {.name = "stride",
        .range = {0, 1e5},
        .help = "tokens of a held-out window that count, each once; those before them are context",
        .when = "fewer than max-length show each token more of the text before it, and take longer",
        .zero = "all of a window",
        .applies_when = {one_of("task", "plain-text")}}},
  };
}

void check(const PlainTextOptions& options) {
  check_fields(options);
  if (options.validation_share + options.test_share < 1) return;
  throw ConfigError(fmt::format("validation-share: {} and test-share {} leave nothing to train on",
                                options.validation_share, options.test_share));
}

}  // namespace tapehead
