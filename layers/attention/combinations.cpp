#include "layers/attention/combinations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

// The choices that are not stages.
const std::vector<AttentionChoice> kOthers{
    {"scale", "inv_sqrt_dk", "scores are divided by the root of the width of a head's keys",
     "Vaswani et al. 2017, §3.2.1"},
    {"scale", "none", "they stay", "Luong, Pham & Manning 2015, eq. 8 (dot)"},
    {"scale", "inv_dk", "they are divided by the width itself", "Yang et al. 2022, Tensor Programs V"},
    {"scale", "inv_sqrt_dmodel", "they are divided by the root of the width of the model", "a common mistake"},
    {"scale", "learned", "each head learns a number of its own", "Liu et al. 2022, Swin Transformer V2, as τ there"},
    {"scale", "0.5", "any number", ""},
    {"score-cap", "0", "scores may be of any size", "Vaswani et al. 2017"},
    {"score-cap", "2", "no score exceeds it", "Gemma Team 2024, Gemma 2, §2"},
    {"positions", "sinusoidal", "waves of all lengths are added to the embeddings", "Vaswani et al. 2017, §3.5"},
    {"positions", "learned", "a vector is learned for each position and added", "Gehring et al. 2017, ConvS2S, §3.1"},
    {"positions", "none", "nothing tells them apart but a causal mask", "Haviv et al. 2022"},
    {"positions", "rotary", "queries and keys of a head are turned by an angle that grows with the position",
     "Su et al. 2021, RoFormer"},
    {"head-mixing", "none", "each head by itself", "Vaswani et al. 2017, §3.2.2"},
    {"head-gate", "none", "contexts stay", "Vaswani et al. 2017, §3.2.2"},
    {"kv-heads", "0", "keys and values of its own for each head", "Vaswani et al. 2017, §3.2.2"},
    {"kv-heads", "2", "neighbouring heads share keys and values", "Ainslie et al. 2023, GQA"},
    {"kv-heads", "1", "all heads share keys and values", "Shazeer 2019, Fast Transformer Decoding"},
    {"d-value", "0", "values as wide as keys", "Vaswani et al. 2017, §3.2.2"},
    {"d-value", "3", "values of another width", "Vaswani et al. 2017, §3.2.2, d_v"},
    {"projection-bias", "yes", "projections add a bias", "Bahdanau, Cho & Bengio 2015"},
    {"projection-bias", "no", "they do not", "Chowdhery et al. 2022, PaLM, §2"},
    {"head-split", "channels", "a head is some of the channels of every position", "Vaswani et al. 2017, §3.2.2"},
    {"head-split", "reshape", "a head is a stretch of positions; writes nothing token by token", "a common mistake"},
    {"attention", "auto", "whole or tiled where they can, by size, else composed", ""},
    {"attention", "whole", "one op that keeps all weights", "Vaswani et al. 2017, §3.2.1"},
    {"attention", "tiled", "one op that keeps a few numbers a query", "Dao et al. 2022, FlashAttention"},
    {"attention", "composed", "an op for each stage", "Vaswani et al. 2017, §3.2.1"},
};

constexpr const char* kOptions[] = {"score",       "scale",           "score-cap",  "positions",
                                    "head-mixing", "normalizer",      "head-gate",  "kv-heads",
                                    "d-value",     "projection-bias", "head-split", "attention"};

// Stages of this choice and else of what they are anyway.
void take(AttentionStages& stages, const AttentionChoice& choice) {
  stages.sizes.heads = 4;
  for (std::size_t kind = 0; kind < kStageKinds; ++kind) {
    if (choice.option != option_of(StageKind(kind))) continue;
    for (const StageSpec& spec : stage_specs()) {
      if (spec.kind == StageKind(kind) && spec.name == choice.value) stages.of(StageKind(kind)) = &spec;
    }
  }
  if (choice.option == "scale") stages.learned_scale = choice.value == "learned";
  if (choice.option == "score-cap") stages.cap = real_in(choice.value);
  if (choice.option == "kv-heads") stages.sizes.key_heads = integer_in(choice.value);
  if (choice.option == "attention") stages.kernel = parse_attention_kernel(choice.value);
}

// What excludes what: the table.
struct Rule {
  const char *one, *other;  // options; nullptr: any
  bool (*excludes)(const AttentionStages&);
  const char* why;
};
constexpr Rule kRules[] = {
    {"positions", "score",
     [](const AttentionStages& s) {
       return s.bias != nullptr && s.bias->of_products && s.score != nullptr && s.score->name != "dot";
     },
     "its vectors are part of the keys of a dot product"},
    {"scale", "score",
     [](const AttentionStages& s) { return s.learned_scale && s.score != nullptr && !s.score->scaled; },
     "no scale applies to that"},
    {"attention", nullptr,
     [](const AttentionStages& s) {
       return std::ranges::any_of(
           kKernels, [&](const KernelAbilities& kernel) { return kernel.kernel == s.kernel && !takes(kernel, s); });
     },
     "it cannot compute that; choose auto or composed"},
};

std::vector<AttentionExclusion> found_exclusions() {
  std::vector<AttentionExclusion> found;
  for (const Rule& rule : kRules) {
    for (const AttentionChoice& one : attention_choices()) {
      if (one.option != rule.one) continue;
      for (const AttentionChoice& other : attention_choices()) {
        if (other.option == one.option || (rule.other != nullptr && other.option != rule.other)) continue;
        AttentionStages stages;
        take(stages, one);
        take(stages, other);
        if (rule.excludes(stages)) found.push_back({one, other, rule.why});
      }
    }
  }
  return found;
}

bool same(const AttentionChoice& a, const AttentionChoice& b) { return a.option == b.option && a.value == b.value; }

bool exclude(const AttentionChoice& a, const AttentionChoice& b) {
  return std::ranges::any_of(attention_exclusions(), [&](const AttentionExclusion& each) {
    return (same(each.one, a) && same(each.other, b)) || (same(each.one, b) && same(each.other, a));
  });
}

bool is_number(const std::string& value) { return value.find_first_not_of("0123456789.") == std::string::npos; }

}  // namespace

const std::vector<AttentionChoice>& attention_choices() {
  static const std::vector<AttentionChoice> choices = [] {
    std::vector<AttentionChoice> all;
    for (const char* option : kOptions) {
      std::ranges::copy_if(kOthers, std::back_inserter(all),
                           [&](const AttentionChoice& each) { return each.option == option; });
      for (const StageSpec& spec : stage_specs()) {
        if (option_of(spec.kind) == std::string_view(option)) {
          all.push_back({option, spec.name, spec.description, spec.source});
        }
      }
    }
    return all;
  }();
  return choices;
}

const std::vector<AttentionExclusion>& attention_exclusions() {
  static const std::vector<AttentionExclusion> exclusions = found_exclusions();
  return exclusions;
}

bool go_together(const std::vector<AttentionChoice>& choices) {
  for (std::size_t i = 0; i < choices.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (exclude(choices[i], choices[j])) return false;
    }
  }
  return true;
}

std::vector<ValueNeed> attention_needs(const std::string& option) {
  static std::deque<std::string> words;  // descriptions hold views
  std::vector<ValueNeed> needs;
  for (const AttentionChoice& one : attention_choices()) {
    if (one.option != option) continue;
    for (const char* other : kOptions) {
      std::string excluded;
      std::string why;
      for (const AttentionExclusion& each : attention_exclusions()) {
        if (!same(each.one, one) || each.other.option != other) continue;
        excluded += (excluded.empty() ? "" : " ") + each.other.value;
        why = each.why;
      }
      if (excluded.empty()) continue;
      const std::string_view view = words.emplace_back(excluded);
      const std::string_view reason = words.emplace_back(why);
      needs.push_back({words.emplace_back(one.value),
                       is_number(excluded.substr(0, 1)) ? off(other) : none_of(other, view), reason});
    }
  }
  return needs;
}

void require_combination(const AttentionStages& stages) {
  for (const Rule& rule : kRules) {
    if (rule.other == nullptr || !rule.excludes(stages)) continue;
    const auto value = [&](const std::string& option) {
      if (option == "scale") return std::string("learned");
      return option == "positions" ? stages.bias->name : stages.score->name;
    };
    throw ConfigError(fmt::format("attention: {} {} does not go with {} {}, because {}", rule.one, value(rule.one),
                                  rule.other, value(rule.other), rule.why));
  }
}

std::vector<std::vector<AttentionChoice>> attention_cover() {
  std::vector<std::vector<const AttentionChoice*>> axes;
  for (const AttentionChoice& each : attention_choices()) {
    if (axes.empty() || axes.back()[0]->option != each.option) axes.emplace_back();
    axes.back().push_back(&each);
  }
  // Pairs that no row has yet, by the numbers of their choices.
  const std::size_t count = attention_choices().size();
  const AttentionChoice* first = attention_choices().data();
  std::vector<char> open(count * count, 0);
  std::vector<char> excluded(count * count, 0);
  const auto at = [&](const AttentionChoice* a, const AttentionChoice* b) {
    return static_cast<std::size_t>(a - first) * count + static_cast<std::size_t>(b - first);
  };
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      excluded[i * count + j] = exclude(first[i], first[j]);
      open[i * count + j] = first[i].option != first[j].option && !excluded[i * count + j];
    }
  }
  std::vector<std::vector<AttentionChoice>> rows;
  for (std::size_t pair = 0; pair < count * count; ++pair) {
    if (!open[pair]) continue;
    // The row begins with this pair, and takes of each other option what closes most pairs and is excluded by none.
    std::vector<const AttentionChoice*> row{first + pair / count, first + pair % count};
    for (const auto& axis : axes) {
      if (std::ranges::any_of(row, [&](const AttentionChoice* each) { return each->option == axis[0]->option; }))
        continue;
      const AttentionChoice* best = nullptr;
      std::ptrdiff_t most = -1;
      for (const AttentionChoice* candidate : axis) {
        if (std::ranges::any_of(row, [&](const AttentionChoice* each) { return excluded[at(each, candidate)]; }))
          continue;
        const std::ptrdiff_t closes =
            std::ranges::count_if(row, [&](const AttentionChoice* each) { return open[at(each, candidate)]; });
        if (closes > most) best = candidate, most = closes;
      }
      row.push_back(best);
    }
    for (const AttentionChoice* a : row) {
      for (const AttentionChoice* b : row) open[at(a, b)] = 0;
    }
    auto& full = rows.emplace_back();
    for (const AttentionChoice* each : row) full.push_back(*each);
  }
  return rows;
}

}  // namespace tapehead
