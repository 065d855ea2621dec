// Distinct colors, how many pixels have each, and each pixel's place among them.
//
// Colors are kept along a Z-order curve (the bits of the channels interleaved), translucent ones
// first: so neighbours in the list are neighbours in color space, which the nearest search lives on,
// and the order of opaque colors is a 24-bit code. A bit for each of the 2^24 codes (2 MiB) and the
// number of bits before each word make a rank a lookup and a population count, without a sort.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <vector>

#include "parallel.hpp"
#include "simd.hpp"

namespace pimenton {

using Rgba = std::array<std::uint8_t, 4>;

namespace zorder {

// Bit i of x to bit 3i: the spacing of three interleaved channels.
[[gnu::always_inline]] inline std::uint32_t spread_by_3(std::uint32_t x) {
    x = (x | x << 8) & 0x0000f00fu;
    x = (x | x << 4) & 0x000c30c3u;
    return (x | x << 2) & 0x00249249u;
}

[[gnu::always_inline]] inline std::uint32_t spread_by_4(std::uint32_t x) {
    x = (x | x << 12) & 0x000f000fu;
    x = (x | x << 6) & 0x03030303u;
    return (x | x << 3) & 0x11111111u;
}

[[gnu::always_inline]] inline std::uint32_t gather_by_3(std::uint32_t x) {
    x &= 0x00249249u;
    x = (x | x >> 2) & 0x000c30c3u;
    x = (x | x >> 4) & 0x0000f00fu;
    return (x | x >> 8) & 0xffu;
}

[[gnu::always_inline]] inline std::uint32_t gather_by_4(std::uint32_t x) {
    x &= 0x11111111u;
    x = (x | x >> 3) & 0x03030303u;
    x = (x | x >> 6) & 0x000f000fu;
    return (x | x >> 12) & 0xffu;
}

[[gnu::always_inline]] inline std::uint32_t opaque_code(const std::uint8_t* p) {
    return spread_by_3(p[0]) << 2 | spread_by_3(p[1]) << 1 | spread_by_3(p[2]);
}

[[gnu::always_inline]] inline std::uint32_t translucent_code(const std::uint8_t* p) {
    return spread_by_4(p[0]) << 3 | spread_by_4(p[1]) << 2 | spread_by_4(p[2]) << 1 |
           spread_by_4(p[3]);
}

inline Rgba opaque_color(std::uint32_t code) {
    return {static_cast<std::uint8_t>(gather_by_3(code >> 2)),
            static_cast<std::uint8_t>(gather_by_3(code >> 1)),
            static_cast<std::uint8_t>(gather_by_3(code)), 255};
}

inline Rgba translucent_color(std::uint32_t code) {
    return {static_cast<std::uint8_t>(gather_by_4(code >> 3)),
            static_cast<std::uint8_t>(gather_by_4(code >> 2)),
            static_cast<std::uint8_t>(gather_by_4(code >> 1)),
            static_cast<std::uint8_t>(gather_by_4(code))};
}

}  // namespace zorder

// Codes of a run of pixels, and whether all of them are opaque.
struct EncodeRun {
    [[gnu::always_inline]] static void run(const std::uint8_t* pixels, std::size_t n,
                                           std::uint32_t* codes, bool* all_opaque) {
        unsigned lowest = 255;
        for (std::size_t i = 0; i < n; ++i) {
            codes[i] = zorder::opaque_code(pixels + 4 * i);
            const unsigned alpha = pixels[4 * i + 3];
            lowest = alpha < lowest ? alpha : lowest;
        }
        *all_opaque = lowest == 255;
    }
};

struct CountBits {
    [[gnu::always_inline]] static void run(const std::uint64_t* words, std::size_t n,
                                           std::uint32_t first, std::uint32_t* before,
                                           std::uint32_t* total) {
        for (std::size_t i = 0; i < n; ++i) {
            before[i] = first;
            first += static_cast<std::uint32_t>(std::popcount(words[i]));
        }
        *total = first;
    }
};

// The set of colors of a picture; ranks count from the translucent ones on.
class ColorIndex {
   public:
    static constexpr std::size_t n_words = (1u << 24) / 64;
    static constexpr std::uint32_t absent = 0xffffffffu;

    ColorIndex(std::vector<std::uint64_t> present, std::vector<std::uint32_t> translucent,
               Width width)
        : present_(std::move(present)), before_(n_words), translucent_(std::move(translucent)) {
        const auto first = static_cast<std::uint32_t>(translucent_.size());
        pimenton::run<CountBits>(width, static_cast<const std::uint64_t*>(present_.data()), n_words,
                                 first, before_.data(), &size_);
    }

    std::size_t size() const { return size_; }
    const std::vector<std::uint64_t>& present() const { return present_; }
    const std::vector<std::uint32_t>& translucent() const { return translucent_; }

    [[gnu::always_inline]] bool has_opaque(std::uint32_t code) const {
        return present_[code >> 6] >> (code & 63) & 1;
    }

    [[gnu::always_inline]] std::uint32_t rank_of_opaque(std::uint32_t code) const {
        const std::uint64_t below = present_[code >> 6] & ((std::uint64_t{1} << (code & 63)) - 1);
        return before_[code >> 6] + static_cast<std::uint32_t>(std::popcount(below));
    }

    std::uint32_t rank_of_translucent(std::uint32_t code) const {
        const auto at = std::lower_bound(translucent_.begin(), translucent_.end(), code);
        return at == translucent_.end() || *at != code
                   ? absent
                   : static_cast<std::uint32_t>(at - translucent_.begin());
    }

   private:
    std::vector<std::uint64_t> present_;
    std::vector<std::uint32_t> before_;
    std::vector<std::uint32_t> translucent_;
    std::uint32_t size_ = 0;
};

constexpr std::size_t pixel_run = 1024;

// Calls opaque(i, code) or translucent(i, code) for each pixel of [begin, end).
template <class Opaque, class Translucent>
[[gnu::always_inline]] inline void for_each_code(const std::uint8_t* pixels, std::size_t begin,
                                                 std::size_t end, Opaque opaque,
                                                 Translucent translucent) {
    std::array<std::uint32_t, pixel_run> codes;
    for (std::size_t at = begin; at < end; at += pixel_run) {
        const std::size_t n = std::min(pixel_run, end - at);
        bool all_opaque = true;
        EncodeRun::run(pixels + 4 * at, n, codes.data(), &all_opaque);
        if (all_opaque) {
            for (std::size_t i = 0; i < n; ++i) opaque(at + i, codes[i]);
            continue;
        }
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint8_t* pixel = pixels + 4 * (at + i);
            if (pixel[3] == 255)
                opaque(at + i, codes[i]);
            else
                translucent(at + i, zorder::translucent_code(pixel));
        }
    }
}

inline void sort_distinct(std::vector<std::uint32_t>& codes) {
    std::sort(codes.begin(), codes.end());
    codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
}

// Codes of translucent colors as they are met.
struct TranslucentCodes {
    std::vector<std::uint32_t> codes;
    // Sorting away repetitions now and then bounds the memory that many pixels take.
    std::size_t limit = std::size_t{1} << 20;

    void add(std::uint32_t code) {
        codes.push_back(code);
        if (codes.size() < limit) return;
        sort_distinct(codes);
        limit = std::max(limit, 2 * codes.size());
    }
};

// Marks the codes of one piece of the picture.
struct CollectColors {
    [[gnu::always_inline]] static void run(const std::uint8_t* pixels, std::size_t begin,
                                           std::size_t end, std::uint64_t* present,
                                           TranslucentCodes* translucent) {
        std::uint32_t last = 0;
        bool any = false;
        for_each_code(
            pixels, begin, end,
            [present](std::size_t, std::uint32_t code) {
                present[code >> 6] |= std::uint64_t{1} << (code & 63);
            },
            [&](std::size_t, std::uint32_t code) {
                if (any && code == last) return;
                any = true;
                last = code;
                translucent->add(code);
            });
    }
};

// Adds one to the count of each pixel's rank.
struct CountRanks {
    [[gnu::always_inline]] static void run(const std::uint8_t* pixels, std::size_t begin,
                                           std::size_t end, const ColorIndex* index,
                                           std::uint32_t* counts) {
        for_each_code(
            pixels, begin, end,
            [=](std::size_t, std::uint32_t code) {
                ++counts[index->rank_of_opaque(code)];
            },
            [=](std::size_t, std::uint32_t code) { ++counts[index->rank_of_translucent(code)]; });
    }
};

// Writes the rank of each pixel, or `absent`.
struct WriteRanks {
    [[gnu::always_inline]] static void run(const std::uint8_t* pixels, std::size_t begin,
                                           std::size_t end, const ColorIndex* index,
                                           std::uint32_t* ranks) {
        for_each_code(
            pixels, begin, end,
            [=](std::size_t i, std::uint32_t code) {
                ranks[i] = index->has_opaque(code) ? index->rank_of_opaque(code)
                                                   : ColorIndex::absent;
            },
            [=](std::size_t i, std::uint32_t code) {
                ranks[i] = index->rank_of_translucent(code);
            });
    }
};

// Writes the label of each pixel's color; *missing is set where a color is not in the index.
struct WriteLabels {
    [[gnu::always_inline]] static void run(const std::uint8_t* pixels, std::size_t begin,
                                           std::size_t end, const ColorIndex* index,
                                           const std::uint8_t* labels, std::uint8_t* out,
                                           bool* missing) {
        bool lost = false;
        for_each_code(
            pixels, begin, end,
            [&](std::size_t i, std::uint32_t code) {
                if (index->has_opaque(code))
                    out[i] = labels[index->rank_of_opaque(code)];
                else
                    lost = true;
            },
            [&](std::size_t i, std::uint32_t code) {
                const std::uint32_t rank = index->rank_of_translucent(code);
                if (rank == ColorIndex::absent)
                    lost = true;
                else
                    out[i] = labels[rank];
            });
        *missing = lost;
    }
};

struct ColorCounts {
    std::vector<std::uint8_t> colors;
    std::vector<std::int64_t> counts;
};

inline std::vector<std::uint8_t> colors_of(const ColorIndex& index) {
    std::vector<std::uint8_t> colors(4 * index.size());
    std::uint8_t* next = colors.data();
    for (const auto code : index.translucent()) {
        const Rgba color = zorder::translucent_color(code);
        next = std::copy(color.begin(), color.end(), next);
    }
    // The codes of a word agree in all but their last six bits.
    std::array<Rgba, 64> within;
    for (std::uint32_t bit = 0; bit < 64; ++bit) within[bit] = zorder::opaque_color(bit);
    for (std::uint32_t i = 0; i < ColorIndex::n_words; ++i) {
        std::uint64_t word = index.present()[i];
        if (word == 0) continue;
        const auto first = std::bit_cast<std::uint32_t>(zorder::opaque_color(i * 64));
        for (; word != 0; word &= word - 1, next += 4) {
            const auto bit = static_cast<std::size_t>(std::countr_zero(word));
            const std::uint32_t color = first | std::bit_cast<std::uint32_t>(within[bit]);
            std::memcpy(next, &color, sizeof color);
        }
    }
    return colors;
}

constexpr std::size_t pixels_per_chunk = std::size_t{1} << 18;

// Calls body(begin, end, worker) for pieces of n pixels.
template <class Body>
void for_each_piece(std::size_t n, int n_threads, Body body) {
    for_each_chunk(chunks_of(n, pixels_per_chunk), n_threads,
                   [&](std::size_t chunk, std::size_t worker) {
                       const std::size_t begin = chunk * pixels_per_chunk;
                       body(begin, std::min(n, begin + pixels_per_chunk), worker);
                   });
}

// The index of a picture's colors. Sets and integer sums do not depend on who takes which piece, so
// each thread has a set of its own.
inline ColorIndex index_pixels(std::span<const std::uint8_t> pixels, int n_threads, Width width) {
    const auto n_workers = static_cast<std::size_t>(std::max(n_threads, 1));
    std::vector<std::vector<std::uint64_t>> present(n_workers);
    std::vector<TranslucentCodes> translucent(n_workers);
    present[0].resize(ColorIndex::n_words);
    for_each_piece(pixels.size() / 4, n_threads,
                   [&](std::size_t begin, std::size_t end, std::size_t worker) {
                       present[worker].resize(ColorIndex::n_words);
                       run<CollectColors>(width, pixels.data(), begin, end, present[worker].data(),
                                          &translucent[worker]);
                   });
    auto& codes = translucent[0].codes;
    for (std::size_t worker = 1; worker < n_workers; ++worker) {
        for (std::size_t i = 0; i < present[worker].size(); ++i) present[0][i] |= present[worker][i];
        const auto& more = translucent[worker].codes;
        codes.insert(codes.end(), more.begin(), more.end());
    }
    sort_distinct(codes);
    return ColorIndex(std::move(present[0]), std::move(codes), width);
}

inline ColorCounts count_colors(std::span<const std::uint8_t> pixels, int n_threads, Width width) {
    const std::size_t n = pixels.size() / 4;
    const auto index = index_pixels(pixels, n_threads, width);
    // Counts of all threads together take no more than half of the memory of the pixels.
    const auto most = static_cast<int>(n / (2 * std::max<std::size_t>(index.size(), 1)));
    const int n_counters = std::clamp(most, 1, std::max(n_threads, 1));
    std::vector<std::vector<std::uint32_t>> counts(static_cast<std::size_t>(n_counters));
    for_each_piece(n, n_counters, [&](std::size_t begin, std::size_t end, std::size_t worker) {
        counts[worker].resize(index.size());
        run<CountRanks>(width, pixels.data(), begin, end, &index, counts[worker].data());
    });
    ColorCounts result{colors_of(index), std::vector<std::int64_t>(index.size())};
    for (const auto& part : counts)
        for (std::size_t i = 0; i < part.size(); ++i) result.counts[i] += part[i];
    return result;
}

// The index of colors that are already distinct; their order must be the one of colors_of.
inline ColorIndex index_colors(std::span<const std::uint8_t> colors, Width width) {
    auto index = index_pixels(colors, 1, width);
    if (index.size() * 4 != colors.size())
        throw std::invalid_argument("colors must be distinct");
    return index;
}

inline void rank_colors(std::span<const std::uint8_t> pixels, std::span<const std::uint8_t> colors,
                        std::span<std::uint32_t> ranks, int n_threads, Width width) {
    const auto index = index_colors(colors, width);
    for_each_piece(pixels.size() / 4, n_threads, [&](std::size_t begin, std::size_t end, std::size_t) {
        run<WriteRanks>(width, pixels.data(), begin, end, &index, ranks.data());
    });
}

// Returns whether each pixel's color was in the list.
inline bool label_pixels(std::span<const std::uint8_t> pixels, std::span<const std::uint8_t> colors,
                         std::span<const std::uint8_t> labels, std::span<std::uint8_t> out,
                         int n_threads, Width width) {
    const auto index = index_colors(colors, width);
    std::atomic<bool> missing{false};
    for_each_piece(pixels.size() / 4, n_threads, [&](std::size_t begin, std::size_t end, std::size_t) {
        bool lost = false;
        run<WriteLabels>(width, pixels.data(), begin, end, &index, labels.data(), out.data(), &lost);
        if (lost) missing = true;
    });
    return !missing;
}

}  // namespace pimenton
