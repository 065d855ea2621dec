// Palette indices chosen inside a lossy LZ77 parse: the picture that is written is one in which
// deflate or WebP finds long matches, as near to the source as the bits are worth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "deflating.hpp"
#include "simd.hpp"

namespace pimenton {

struct ParseChoices {
    float lambda;       // distortion that a bit is worth
    float carried;      // share of the error that is carried on (beta)
    float cap;          // longest error carried to the row below
    float edge;         // step between neighbours where errors end; 0 carries them everywhere
    int n_dynamic;      // lanes for distances found in the row's history
    int n_triples;      // triples of entries looked up for each pixel
    int n_accepted;     // entries of a pixel that triples are made of
    int every;          // look-ups at one pixel in so many of one row in half as many
    bool for_webp;      // whether lossless WebP is to write it, and not deflate
};

// What is parsed: a picture as ranks of colors in a space of four coordinates.
struct ParseInput {
    std::size_t width, height;
    std::span<const std::uint32_t> ranks;  // (height, width)
    std::span<const float> points;         // (m, 4)
    std::span<const std::int16_t> exact;   // (m,) the entry equal to a color, or -1
    std::span<const float> weights;        // (height, width) of the distortion
    std::span<const float> entries;        // (k, 4)
};

// The literals and matches that were chosen, filter bytes included, and the bits that the format is
// expected to need for them.
struct Parsed {
    std::vector<Token> tokens;
    double bits = 0;
};

// Writes the indices. Bands of rows are parsed on their own, so the result depends on rows_per_band,
// and not on the threads.
Parsed parse(const ParseInput& input, const ParseChoices& choices,
             std::span<const double> shares, std::size_t rows_per_band,
             std::span<std::uint8_t> indices, int n_threads, Width width);

}  // namespace pimenton
