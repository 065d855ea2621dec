// Lossless WebP (RFC 9649) of literals and matches that are known already: the parse chose them, so
// what is left is to find the tiles of the picture that share codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "deflating.hpp"

namespace pimenton {

// Matches of WebP may be longer than the parse makes them, so those that meet become one.
constexpr int longest_webp_match = 4096;
// Up to so many colors several indices share a pixel, which this writer does not do.
constexpr std::size_t n_packed_colors = 16;

// The body of a VP8L chunk. A token's literal is a place in `colors`, each of them 0xAARRGGBB.
std::vector<std::uint8_t> write_webp(std::span<const Token> tokens, std::size_t width,
                                     std::size_t height, std::span<const std::uint32_t> colors);

}  // namespace pimenton
