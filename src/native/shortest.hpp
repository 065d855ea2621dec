// The literals and matches that write given bytes in the fewest bits of deflate.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deflating.hpp"

namespace pimenton {

// Finds matches once and then the cheapest path through them, so many times, each time by the codes
// that the last path leads to; at last once more for each block that deflate would make of it.
std::vector<Token> shortest(std::span<const std::uint8_t> bytes, int n_rounds);

}  // namespace pimenton
