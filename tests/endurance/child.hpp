#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace tapehead {

/// The built program, or another, in a process of its own. It is killed when this goes out of scope before it ended.
class Child {
 public:
  /// What it writes goes to the file `log`; `environment` is added to this process's own.
  Child(const std::string& program, const std::vector<std::string>& words, const std::string& log,
        const std::map<std::string, std::string>& environment = {});
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t id() const { return id_; }
  bool running();
  /// SIGKILL. False if it had ended by itself.
  bool kill();
  /// Memory that it had resident at most. REQUIRES: it has ended.
  double peak_bytes() const { return peak_bytes_; }
  /// Its exit status, or 128 and the signal that ended it.
  int wait();

 private:
  void note(int status, const rusage& usage);

  pid_t id_ = -1;
  bool ended_ = false;
  int status_ = 0;
  double peak_bytes_ = 0;
};

/// How much endurance is asked for: `most` if the environment has TAPEHEAD_ENDURANCE, else `few`.
int endurance(int few, int most);

/// The options of a small run that everything random has a part in: dropout, ragged lengths, a batch of ten that four
/// shards do not divide. `more` adds options or replaces values.
std::vector<std::string> ragged_run(int shards, const std::vector<std::string>& more);

}  // namespace tapehead
