// The rows of indices that are coded, as they will be written, and where triples of them came.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bits.hpp"
#include "entries.hpp"

namespace pimenton {

// The rows coded so far as deflate or WebP sees them, and the color of each byte. For deflate a row
// starts with its filter byte, which has no color; nor has what lies before the first row.
struct Stream {
    std::size_t gap, stride, lead;  // gap: bytes before a row's pixels
    std::vector<std::uint8_t> bytes;
    std::array<std::vector<float>, 4> planes;

    Stream(std::size_t width, std::size_t height, std::size_t n_before)
        : gap(n_before), stride(width + gap), lead(3 * stride + 16), bytes(lead + stride * height + 16) {
        for (auto& plane : planes) plane.assign(bytes.size(), far_away);
    }

    // Place of the first pixel of a row.
    std::size_t row(std::size_t y) const { return lead + stride * y + gap; }
};

// Where triples of indices came last, and before that.
struct Triples {
    static constexpr int bits = 15;
    static constexpr std::uint32_t never = 0xffffffffu;

    std::vector<std::uint32_t> heads, before;  // places, 0 for none
    std::vector<std::uint32_t> triples;        // of the last places

    Triples()
        : heads(std::size_t{1} << bits), before(window_size), triples(window_size, never) {}

    [[gnu::always_inline]] static std::uint32_t hash(std::uint32_t triple) {
        return triple * 0x9e3779b1u >> (32 - bits);
    }

    [[gnu::always_inline]] void insert(const std::uint8_t* bytes, std::size_t place) {
        const auto triple = static_cast<std::uint32_t>(bytes[place] | bytes[place + 1] << 8 |
                                                       bytes[place + 2] << 16);
        std::uint32_t& head = heads[hash(triple)];
        before[place % window_size] = head;
        triples[place % window_size] = triple;
        head = static_cast<std::uint32_t>(place);
    }
};

}  // namespace pimenton
