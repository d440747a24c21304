#include <cstring>
#include <type_traits>

#include "autograd/base/errors.hpp"
#include "autograd/check/isolated.hpp"

namespace tapehead {
namespace {

template <class T>
constexpr bool kPlain = std::is_trivially_copyable_v<T>;
// Bytes between members would be sent as nobody wrote them.
static_assert(sizeof(Derivative) == 3 * sizeof(std::int64_t) + 9 * sizeof(double) + sizeof(Ground) + sizeof(Verdict));

class Writer {
 public:
  template <class T>
  requires kPlain<T>
  void put(const T& value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T)); }
  void put(const std::string& text) {
    put(text.size());
    bytes_ += text;
  }
  void put(const Finding& finding) {
    put(finding.check);
    put(finding.verdict);
    put(finding.diagnosis);
    put(finding.text);
    put(finding.variable);
    put(finding.index);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(values.size());
    for (const T& each : values) put(each);
  }

  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}

  template <class T>
  requires kPlain<T>
  void get(T& value) {
    need(sizeof(T));
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
  }
  void get(std::string& text) {
    const std::size_t size = count();
    text = bytes_.substr(at_, size);
    at_ += size;
  }
  void get(Finding& finding) {
    get(finding.check);
    get(finding.verdict);
    get(finding.diagnosis);
    get(finding.text);
    get(finding.variable);
    get(finding.index);
  }
  template <class T>
  void get(std::vector<T>& values) {
    const std::size_t size = count();  // each takes a byte at least
    values.clear();
    for (std::size_t i = 0; i < size; ++i) get(values.emplace_back());
  }

  bool at_end() const { return at_ == bytes_.size(); }
  [[noreturn]] static void damaged() { throw GradientError("gradient check: the report of its process is damaged"); }

 private:
  std::size_t count() {
    std::size_t size = 0;
    get(size);
    need(size);
    return size;
  }
  void need(std::size_t size) const {
    if (bytes_.size() - at_ < size) damaged();
  }

  const std::string& bytes_;
  std::size_t at_ = 0;
};

// In the order of the fields.
template <class Report, class F>
void for_each_field(Report& report, F use) {
  use(report.name);
  use(report.seed);
  use(report.variables);
  use(report.shapes);
  use(report.derivatives);
  use(report.findings);
  use(report.nodes);
  use(report.second_order);
  use(report.redrawn);
  use(report.complex_step_error);
  use(report.differences_error);
}

}  // namespace

std::string to_bytes(const CheckReport& report) {
  Writer writer;
  for_each_field(report, [&](const auto& field) { writer.put(field); });
  return writer.take();
}

CheckReport report_of_bytes(const std::string& bytes) {
  CheckReport report;
  Reader reader(bytes);
  for_each_field(report, [&](auto& field) { reader.get(field); });
  bool whole = reader.at_end() && report.shapes.size() == report.variables.size();
  for (const Derivative& each : report.derivatives) {
    whole = whole && each.variable >= 0 && each.variable < std::ssize(report.variables);
  }
  if (!whole) Reader::damaged();
  return report;
}

CheckReport report_of(const IsolatedAnswer& answer, std::uint64_t seed) {
  CheckReport report;
  report.seed = seed;
  try {
    if (answer.text) return report_of_bytes(*answer.text);
    report.findings.push_back({.check = "crash", .text = answer.why_not, .variable = {}});
  } catch (const Error& error) {
    report.findings.push_back({.check = "crash", .text = error.what(), .variable = {}});
  }
  return report;
}

}  // namespace tapehead
