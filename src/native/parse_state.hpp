// All that the parse of a band of rows keeps: the stream, the lanes, and the best path to each node.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bits.hpp"
#include "entries.hpp"
#include "parse.hpp"
#include "stream.hpp"
#include "survivors.hpp"

namespace pimenton {

// The end of the best path to a node.
struct Node {
    std::array<float, 4> error;  // carried to the next pixel
    std::uint64_t last;          // the last eight indices, the newest lowest
    std::int32_t distance;       // of the match that ends here; 0 for a literal
    std::int32_t length;
    std::uint8_t literal;
};

// All that one run over a band of rows needs; no two threads share it.
struct ParseState {
    const ParseInput* input;
    ParseChoices choices;
    const Coding* coding;
    Stream stream;
    EntryLists lists;
    Triples triples;
    SymbolCounts counts;
    SymbolCosts costs;
    std::array<Block, most_blocks> blocks;
    std::size_t n_blocks;
    Sixteen<std::uint64_t> recent;                       // of the short distances
    std::array<std::array<float, 256>, 4> entries;     // the palette by coordinate
    std::vector<std::int32_t> lane_of;  // dynamic lane that follows a distance, or -1
    std::vector<Node> nodes;
    std::vector<std::array<float, 4>> above, below;  // errors from the row above, to the row below
    std::vector<std::array<float, 4>> targets;       // color and error from above
    std::vector<EntryLists::Place> places;           // of the targets' lists
    std::vector<float> weights, carried;
    std::vector<std::uint8_t> inside;     // whether a pixel is inside of a run
    std::vector<std::uint32_t> accepted;  // three entries of each pixel
    std::vector<float> excess;            // and by what they cost more than the first
    std::vector<Token> tokens;            // of the rows that are coded

    ParseState(const ParseInput& in, const ParseChoices& how, const Coding& format,
               std::size_t n_rows, const SymbolCounts& prior, Width simd)
        : input(&in), choices(how), coding(&format), stream(in.width, n_rows, format.lead()), lists(in.entries, 2.5f, simd),
          counts(prior), blocks{}, n_blocks(first_dynamic + static_cast<std::size_t>(how.n_dynamic) / block_lanes),
          recent{}, entries{},
          lane_of(window_size + 1, -1), nodes(in.width + 1), above(in.width + 2),
          below(in.width + 2), targets(in.width), places(in.width), weights(in.width), carried(in.width), inside(in.width),
          accepted(3 * in.width), excess(3 * in.width) {
        for (std::size_t l = 0; l < 3 * grid_columns; ++l) {
            const std::size_t back = (l / grid_columns + 1) * stream.stride - l % grid_columns;
            blocks[l / block_lanes].distance[l % block_lanes] =
                static_cast<std::int32_t>(back) - grid_first;
        }
        for (std::size_t l = 0; l < grid_columns; ++l)
            blocks[short_block].distance[grid_columns + l] = static_cast<std::int32_t>(l) + 1;
        // A triple that did not come before has distance 0, which is never to be followed.
        lane_of[0] = 0;
        for (std::size_t b = first_dynamic; b < n_blocks; ++b) blocks[b].distance.fill(1);
        for (std::size_t i = 0; i < in.entries.size(); ++i) entries[i % 4][i / 4] = in.entries[i];
    }

    float price_of(int distance) const {
        return costs.distance[static_cast<std::size_t>(coding->of_distance(distance))];
    }
};

}  // namespace pimenton
