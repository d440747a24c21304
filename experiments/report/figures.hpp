#pragma once

#include <string>

#include "trainers/metrics/result.hpp"

namespace tapehead {

/// A measured number for people, with so many decimals: "none" where there is no such number, "too large" where no
/// number holds it.
std::string figure(double value, int decimals = 4);

/// The name of a result for people: "token accuracy".
std::string plain_name(const std::string& name);

/// "lowest validation loss", "highest validation exact match": what the best weights by a metric have.
std::string best_by(const std::string& metric);

/// What stands beside the loss where there is room for one number more: the headline, or where that is the loss itself
/// the last of the common results; nullptr if there is none.
const Result* beside_loss(const Evaluation& evaluation);

}  // namespace tapehead
