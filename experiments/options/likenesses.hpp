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

/// Gives the options that `like` speaks of its values, but for those that were set where `like` was, or by something
/// stronger: the command line's own options win over any likeness, and a likeness from the command line over a preset.
/// They count as a preset's: what of them does nothing beside other choices is dropped.
void apply_likeness(Settings& settings);

}  // namespace tapehead
