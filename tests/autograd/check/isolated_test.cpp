// Whatever a task does to its process, this one goes on and says what happened.

#include "autograd/check/isolated.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>

#include "autograd/base/errors.hpp"
#include "autograd/check/check.hpp"
#include "autograd/ops/exp.hpp"
#include "autograd/ops/softmax.hpp"

namespace tapehead {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

using Answers = std::map<std::int64_t, IsolatedAnswer>;

Answers answers_of(std::int64_t count, const Isolation& isolation,
                   const std::function<std::string(std::int64_t)>& work) {
  Answers answers;
  for_each_isolated(count, isolation, work, [&](std::int64_t task, IsolatedAnswer answer) {
    EXPECT_TRUE(answers.emplace(task, std::move(answer)).second) << task << " has two answers";
  });
  EXPECT_EQ(std::ssize(answers), count);
  return answers;
}

TEST(Isolated, EveryTaskAnswersOnceHoweverManyRunAtOnce) {
  for (const int at_once : {1, 3, 20}) {
    const Answers answers = answers_of(50, {.at_once = at_once}, [](std::int64_t task) {
      return std::string(static_cast<std::size_t>(7001 * task), 'a') + std::to_string(task);
    });
    for (const auto& [task, answer] : answers) {
      ASSERT_TRUE(answer.text) << answer.why_not;
      EXPECT_EQ(std::ssize(*answer.text), 7001 * task + std::ssize(std::to_string(task)));
    }
  }
  EXPECT_TRUE(answers_of(0, {}, [](std::int64_t) { return ""; }).empty());
}

TEST(Isolated, WhoEndsIsNamedAndTheOthersGoOn) {
  const auto work = [](std::int64_t task) -> std::string {
    if (task == 3) std::abort();
    if (task == 5) ::_exit(9);
    if (task == 6) throw 1;
    return "fine";
  };
  for (const int at_once : {1, 3}) {
    Answers answers = answers_of(9, {.at_once = at_once}, work);
    EXPECT_EQ(answers[3].why_not, "ended by SIGABRT (Aborted)");
    EXPECT_EQ(answers[5].why_not, "ended with status 9");
    EXPECT_EQ(answers[6].why_not, "ended with status 1");
    for (const std::int64_t task : {0, 1, 2, 4, 7, 8}) EXPECT_EQ(answers[task].text, "fine");
  }
}

TEST(Isolated, WhoDoesNotEndIsEnded) {
  Answers answers = answers_of(3, {.at_once = 2, .seconds = 1}, [](std::int64_t task) -> std::string {
    std::atomic<std::int64_t> turns = 0;
    while (task == 1) ++turns;
    return "fine";
  });
  EXPECT_EQ(answers[1].why_not, "ended after 1 s of processor time");
  EXPECT_EQ(answers[0].text, "fine");
  EXPECT_EQ(answers[2].text, "fine");
}

TEST(Isolated, WhoCrashesByTheFaultOfAnotherIsNotTakenForTheCulprit) {
  static bool harmed = false;  // memory of the process
  Answers answers = answers_of(8, {}, [](std::int64_t task) -> std::string {
    if (task == 1) harmed = true;
    if (task == 2 && harmed) std::abort();
    return "fine";
  });
  EXPECT_EQ(answers[2].why_not,
            "ended by SIGABRT (Aborted) behind others in one process, but not alone: one of them does harm to memory");
  EXPECT_EQ(answers[3].text, "fine");
  EXPECT_FALSE(harmed);
}

TEST(Isolated, WhatATaskPrintsIsNoResult) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  answers_of(2, {}, [](std::int64_t task) {
    std::cout << "task " << task << ' ';
    return "fine";
  });
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "task 0 task 1 ");
}

TEST(Isolated, WithoutAProcessTheWorkIsDoneHere) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  int here = 0;
  const Answers answers = answers_of(3, {}, [&](std::int64_t) {
    ++here;
    return "fine";
  });
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(here, 3);
  for (const auto& each : answers) EXPECT_EQ(each.second.text, "fine");
}

// exp whose pullback writes far from anything that is its own.
template <Scalar T>
Var<T> astray(Var<T> x) {
  const std::int64_t count = x.shape().size();
  T* y = x.tape().allocate(count);
  for (std::int64_t i = 0; i < count; ++i) y[i] = std::exp(x.data()[i]);
  return x.tape().record("astray", x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    const auto d_x = pull.into(x);
    d_x.accumulate(count, [=](std::int64_t i) { return y[i] * d_y[i]; });
    d_x.data[std::int64_t{1} << 38] = T(0);
  });
}

TEST(IsolatedCheck, AWriteFarAwayIsAFinding) {
  const CheckReport report = check_gradients([](auto x) { return astray(x[0]); }, {{{3, 4}}}, {.isolated = true});
  EXPECT_EQ(report.verdict(), Verdict::fail);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].check, "crash");
  EXPECT_EQ(report.findings[0].text, "ended by SIGSEGV (Segmentation fault)");
  EXPECT_TRUE(check_gradients([](auto x) { return exp(x[0]); }, {{{3, 4}}}, {.isolated = true}).passed());
}

TEST(IsolatedCheck, SaysWhatACheckHereSays) {
  const GenericFunction right = [](auto x) { return softmax(x[0]); };
  const GenericFunction none = [](Inputs<float> x) { return exp(x[0]); };
  for (const GenericFunction& function : {right, none}) {
    const CheckReport here = check_gradients(function, {{{4, 3}}});
    const CheckReport there = check_gradients(function, {{{4, 3}}}, {.isolated = true});
    EXPECT_EQ(to_bytes(here), to_bytes(there));
    EXPECT_EQ(here.text(), there.text());
  }
}

TEST(IsolatedCheck, ADamagedReportIsRefused) {
  CheckReport report = check_gradients([](Inputs<float> x) { return exp(x[0]); }, {{{3}}});
  const std::string bytes = to_bytes(report);
  EXPECT_EQ(to_bytes(report_of_bytes(bytes)), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(report_of_bytes(bytes.substr(0, size)), GradientError) << size;
  }
  EXPECT_THROW(report_of_bytes(bytes + "x"), GradientError);
  report.derivatives.push_back({.variable = 77});
  EXPECT_THROW(report_of_bytes(to_bytes(report)), GradientError);
  EXPECT_EQ(report_of({to_bytes(report)}, 3).findings[0].check, "crash");
}

}  // namespace
}  // namespace tapehead
