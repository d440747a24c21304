#pragma once

#include <string>

namespace tapehead {

/// What a name of training, validation or test data stands for.
struct PairName {
  std::string source;  ///< of both sides if it is one file
  std::string target = {};
  bool two_files = false;
  bool also_two_files = false;  ///< it is one file, though two files of that name, joined by a comma, exist as well
};

/// A file that exists under the whole name is one file; otherwise the name is `A,B` for two files that exist, one line
/// of A a line of B. Where neither is there, the likelier of the two is taken, for the message that says so. `folder`
/// is where relative names begin. Throws ConfigError for a name that can be split into existing files in more than one
/// way.
PairName parse_pair_name(const std::string& name, const std::string& folder = {});

}  // namespace tapehead
