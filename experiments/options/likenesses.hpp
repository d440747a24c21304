#pragma once

#include <span>
#include <string>

#include "experiments/options/presets.hpp"

namespace tapehead {

/// What makes a model like a published one, by name: a file of experiments/likenesses each. Its options are those of
/// the layers; sizes are not among them. Generated from the files.
std::span<const Preset> likenesses();

/// Their names, "none" first, with a space between.
std::string likeness_names();

/// What it sets, "model decoder, norm pre, …".
std::string values_of(const Preset& likeness);

/// Gives the options that `like` speaks of its values, but for those that somebody set: in the same place as `like`, in
/// a configuration file, or by something stronger. So it wins over presets, and what is left out for want of use beside
/// the others, or because it cannot be, keeps the value that it has.
void apply_likeness(Settings& settings);

/// What was left out of the chosen likeness and why, "like bert: norm, norm-kind do not apply to model rnn"; empty
/// where nothing was, or where there is none.
std::string left_out_of_likeness(const Settings& settled);

}  // namespace tapehead
