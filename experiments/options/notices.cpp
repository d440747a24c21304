#include "experiments/options/notices.hpp"

#include <ostream>

#include "experiments/options/likenesses.hpp"

namespace tapehead {

std::vector<std::string> settings_notices(const Settings& settled) {
  std::vector<std::string> notices;
  if (std::string left_out = left_out_of_likeness(settled); !left_out.empty()) notices.push_back(std::move(left_out));
  const bool decays = settled.given("weight-decay") || settled.real("weight-decay") > 0;
  if (settled.text("optimizer") == "adamw" && !decays) {
    notices.emplace_back("optimizer adamw: without --weight-decay it is adam; 0.01 is usual");
  }
  return notices;
}

void tell_of_settings(const Settings& settled, std::ostream& err) {
  for (const std::string& notice : settings_notices(settled)) err << notice << '\n';
}

}  // namespace tapehead
