// Colors counted coarsely: opaque pixels by the upper bits of their Z-order codes, each cell with the
// mean of its pixels.
#pragma once

#include "histogram.hpp"

namespace pimenton {

// The sums of a cell's four channels; that of opacity is 255 times the number of pixels.
using ChannelSums = std::array<std::uint32_t, 4>;

constexpr unsigned code_bits = 24;

// Adds each pixel to its cell; *all_opaque is cleared where one is not opaque, the rest is void then.
struct AddToCodeCells {
    [[gnu::always_inline]] static void run(const std::uint8_t* pixels, std::size_t begin,
                                           std::size_t end, unsigned dropped, ChannelSums* cells,
                                           bool* all_opaque) {
        std::array<std::uint32_t, pixel_run> codes;
        for (std::size_t at = begin; at < end && *all_opaque; at += pixel_run) {
            const std::size_t n = std::min(pixel_run, end - at);
            EncodeRun::run(pixels + 4 * at, n, codes.data(), all_opaque);
            for (std::size_t i = 0; i < n; ++i) {
                ChannelSums& cell = cells[codes[i] >> dropped];
                for (std::size_t a = 0; a < 4; ++a) cell[a] += pixels[4 * (at + i) + a];
            }
        }
    }
};

// Means, rounded, and counts of the cells of 2^n_bits that any pixel lies in, along the Z-order curve;
// none where a pixel is not opaque.
inline ColorCounts count_coarsely(std::span<const std::uint8_t> pixels, unsigned n_bits,
                                  int n_threads, Width width) {
    using Totals = std::array<std::uint64_t, 4>;
    const std::size_t n = pixels.size() / 4, n_cells = std::size_t{1} << n_bits;
    const auto n_workers = static_cast<std::size_t>(std::max(n_threads, 1));
    struct Part {
        std::vector<ChannelSums> cells;
        std::vector<Totals> totals;
        std::size_t n_added = 0;
        bool all_opaque = true;

        void flush() {
            totals.resize(cells.size());
            for (std::size_t c = 0; c < cells.size(); ++c)
                for (std::size_t a = 0; a < 4; ++a) totals[c][a] += cells[c][a];
            std::fill(cells.begin(), cells.end(), ChannelSums{});
            n_added = 0;
        }
    };
    // More pixels of one cell would not fit the sums.
    constexpr std::size_t most_added = std::size_t{1} << 24;
    std::vector<Part> parts(n_workers);
    for_each_piece(n, n_threads, [&](std::size_t begin, std::size_t end, std::size_t worker) {
        Part& part = parts[worker];
        part.cells.resize(n_cells);
        if (part.n_added + (end - begin) > most_added) part.flush();
        part.n_added += end - begin;
        run<AddToCodeCells>(width, pixels.data(), begin, end, code_bits - n_bits, part.cells.data(),
                            &part.all_opaque);
    });
    ColorCounts result;
    for (const Part& part : parts)
        if (!part.all_opaque) return result;
    for (std::size_t c = 0; c < n_cells; ++c) {
        Totals sums{};
        for (const Part& part : parts) {
            if (!part.cells.empty())
                for (std::size_t a = 0; a < 4; ++a) sums[a] += part.cells[c][a];
            if (!part.totals.empty())
                for (std::size_t a = 0; a < 4; ++a) sums[a] += part.totals[c][a];
        }
        const std::uint64_t count = sums[3] / 255;
        if (count == 0) continue;
        // Below 2^40 of either, no quotient of integers is so near the next one that it would round
        // to it; a processor divides them in a fraction of the time.
        for (std::size_t a = 0; a < 4; ++a)
            result.colors.push_back(static_cast<std::uint8_t>(
                static_cast<double>(sums[a] + count / 2) / static_cast<double>(count)));
        result.counts.push_back(static_cast<std::int64_t>(count));
    }
    return result;
}

}  // namespace pimenton
