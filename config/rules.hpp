// What holds between keys, and the values that follow from others: the parsed address, the models directory, the answering provider.
// Thread contract: pure.
#pragma once
#include <string>
#include <vector>

#include "config/load.hpp"

namespace repartee::config {

// Completes `loaded`; the mistakes found, each with its place, or none.
std::vector<std::string> apply_rules(Loaded& loaded, const Environment& environment);

}  // namespace repartee::config
