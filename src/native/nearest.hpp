// Exact nearest centroids for points that lie in a coherent order.
//
// Points are taken in blocks of neighbours. A centroid is a candidate for a block unless another
// one is nearer to every place in the block's bounding box; most blocks keep one candidate or a few.
// Only those are compared point by point, and the answer equals that of comparing all of them:
// the smallest distance, and among equals the lowest number.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "parallel.hpp"
#include "simd.hpp"

namespace pimenton {

constexpr std::size_t block_size = 32;
constexpr std::size_t blocks_per_group = 32;
constexpr std::size_t few_blocks = 8;
// So few candidates are compared with all points of a block in less time than chosen among.
constexpr std::size_t most_compared = 6;
constexpr std::size_t groups_per_chunk = 16;
constexpr std::size_t group_size = block_size * blocks_per_group;
constexpr std::size_t chunk_size = group_size * groups_per_chunk;

// A box around points: middle and half extent along each axis.
struct Box {
    std::array<float, 4> middle;
    std::array<float, 4> half;
};

inline Box box_between(const std::array<float, 4>& low, const std::array<float, 4>& high) {
    Box box;
    for (std::size_t a = 0; a < 4; ++a) {
        box.middle[a] = 0.5f * (low[a] + high[a]);
        // Rounding the middle may leave a point just outside; a hair more keeps the box around it.
        box.half[a] = std::max(high[a] - box.middle[a], box.middle[a] - low[a]) * 1.000001f;
    }
    return box;
}

inline Box box_around(const Box* boxes, std::size_t n) {
    std::array<float, 4> low, high;
    low.fill(std::numeric_limits<float>::max());
    high.fill(std::numeric_limits<float>::lowest());
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t a = 0; a < 4; ++a) {
            low[a] = std::min(low[a], boxes[i].middle[a] - boxes[i].half[a]);
            high[a] = std::max(high[a], boxes[i].middle[a] + boxes[i].half[a]);
        }
    return box_between(low, high);
}

// Centroids by coordinate, with the numbers they had. The last vector is filled up with the first of
// them, so that whole vectors can be compared.
struct Candidates {
    static constexpr std::size_t lanes = 16;

    std::size_t n = 0;
    std::vector<float> at[4];
    std::vector<std::uint32_t> number;
    std::vector<float> score;
    std::vector<std::uint8_t> may_win;

    explicit Candidates(std::size_t capacity)
        : number(padded(capacity)), score(number.size()), may_win(number.size()) {
        for (auto& axis : at) axis.resize(number.size() + lanes);
    }

    explicit Candidates(std::span<const float> centroids) : Candidates(centroids.size() / 4) {
        n = centroids.size() / 4;
        for (std::size_t j = 0; j < n; ++j) {
            for (std::size_t a = 0; a < 4; ++a) at[a][j] = centroids[4 * j + a];
            number[j] = static_cast<std::uint32_t>(j);
        }
        fill_up<4>();
    }

    template <std::size_t axes>
    [[gnu::always_inline]] void fill_up() {
        for (std::size_t a = 0; a < axes; ++a) {
            std::array<float, lanes> first;
            first.fill(at[a][0]);
            std::copy_n(first.begin(), lanes, at[a].data() + n);
        }
    }

    static std::size_t padded(std::size_t n) { return chunks_of(n, lanes) * lanes; }
};

// Calls visit(j) for each j < n whose flag is 1, in order; whole words of flags are read.
template <class Visit>
[[gnu::always_inline]] inline void for_each_flag(const std::uint8_t* flags, std::size_t n,
                                                 Visit visit) {
    for (std::size_t first = 0; first < n; first += sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, flags + first, sizeof word);
        while (word != 0) {
            constexpr bool is_little = std::endian::native == std::endian::little;
            const int zeros = is_little ? std::countr_zero(word) : std::countl_zero(word);
            const auto i = static_cast<std::size_t>(zeros) / 8;
            word &= ~(std::uint64_t{1} << (is_little ? 8 * i : 56 - 8 * i));
            if (first + i < n) visit(first + i);
        }
    }
}

// Keeps in `kept`, in order, the centroids of `all` that may be nearest to some place in the box.
//
// Let c be the centroid nearest to the middle m. Another one, c', is farther everywhere in the box
// if |m - c'|^2 - |m - c|^2 > 2 sum_a half_a |c'_a - c_a|. The margin exceeds the rounding of either
// side and of the distances compared later, so a centroid is only dropped where it would also lose
// in floating point. With three axes, boxes and centroids share the fourth coordinate.
template <std::size_t axes>
[[gnu::always_inline]] inline void keep_candidates(const Box& box, Candidates& all,
                                                   Candidates& kept) {
    constexpr std::size_t lanes = Candidates::lanes;
    const std::size_t n = all.n;
    const float* x = all.at[0].data();
    const float* y = all.at[1].data();
    const float* z = all.at[2].data();
    const float* w = all.at[3].data();
    float* score = all.score.data();
    const auto [mx, my, mz, mw] = box.middle;
    // Floats that are not negative are ordered as their bits are, and a least integer fills lanes.
    std::array<std::int32_t, lanes> least;
    least.fill(std::numeric_limits<std::int32_t>::max());
    for (std::size_t first = 0; first < n; first += lanes)
        for (std::size_t i = 0; i < lanes; ++i) {
            const std::size_t j = first + i;
            const float dx = x[j] - mx, dy = y[j] - my, dz = z[j] - mz;
            float d = dx * dx + dy * dy + dz * dz;
            if constexpr (axes == 4) d += (w[j] - mw) * (w[j] - mw);
            score[j] = d;
            const auto bits = std::bit_cast<std::int32_t>(d);
            least[i] = bits < least[i] ? bits : least[i];
        }
    std::int32_t least_bits = std::numeric_limits<std::int32_t>::max();
    for (std::size_t i = 0; i < lanes; ++i)
        least_bits = least[i] < least_bits ? least[i] : least_bits;
    const float least_sq = std::bit_cast<float>(least_bits);
    std::size_t best = 0;
    for (std::size_t first = 0; first < n; first += lanes) {
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < lanes; ++i)
            bits |= score[first + i] == least_sq ? 1u << i : 0u;
        if (bits == 0) continue;
        best = first + static_cast<std::size_t>(std::countr_zero(bits));
        break;
    }
    const auto [hx, hy, hz, hw] = box.half;
    const float bx = x[best], by = y[best], bz = z[best], bw = w[best];
    float radius = hx * hx + hy * hy + hz * hz;
    if constexpr (axes == 4) radius += hw * hw;
    constexpr float margin = 1e-5f;
    const float floor = least_sq + margin * (least_sq + radius) + std::numeric_limits<float>::min();
    std::size_t n_kept = 0;
    for (std::size_t first = 0; first < n; first += lanes) {
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < lanes; ++i) {
            const std::size_t j = first + i;
            float reach =
                hx * std::abs(x[j] - bx) + hy * std::abs(y[j] - by) + hz * std::abs(z[j] - bz);
            if constexpr (axes == 4) reach += hw * std::abs(w[j] - bw);
            const float behind = score[j] * (1.0f - margin) - 2.0f * reach - floor;
            bits |= behind > 0.0f ? 0u : 1u << i;
        }
        const std::size_t n_here = std::min(lanes, n - first);
        for (bits &= (1u << n_here) - 1; bits != 0; bits &= bits - 1) {
            const std::size_t j = first + static_cast<std::size_t>(std::countr_zero(bits));
            for (std::size_t a = 0; a < axes; ++a) kept.at[a][n_kept] = all.at[a][j];
            kept.number[n_kept++] = all.number[j];
        }
    }
    kept.n = n_kept;
    kept.fill_up<axes>();
}

template <std::size_t axes = 4>
struct KeepCandidates {
    [[gnu::always_inline]] static void run(const Box* box, Candidates* all, Candidates* kept) {
        keep_candidates<axes>(*box, *all, *kept);
    }
};

// The points of a block by coordinate, the last one repeated where there are fewer.
using Lanes = std::array<std::array<float, block_size>, 4>;

// Lays the points of a block out by coordinate.
[[gnu::always_inline]] inline void lay_out(const float* rows, std::size_t n, Lanes& at) {
    if (n == block_size) {
        for (std::size_t i = 0; i < block_size; ++i) {
            at[0][i] = rows[4 * i];
            at[1][i] = rows[4 * i + 1];
            at[2][i] = rows[4 * i + 2];
            at[3][i] = rows[4 * i + 3];
        }
        return;
    }
    for (std::size_t i = 0; i < block_size; ++i)
        for (std::size_t a = 0; a < 4; ++a) at[a][i] = rows[4 * std::min(i, n - 1) + a];
}

using BlockLabels = std::array<std::uint32_t, block_size>;

template <std::size_t axes>
[[gnu::always_inline]] inline void find_nearest(const Lanes& at, const Candidates& candidates,
                                                BlockLabels& label) {
    std::array<float, block_size> nearest_sq;
    nearest_sq.fill(std::numeric_limits<float>::infinity());
    label.fill(candidates.number[0]);
    for (std::size_t j = 0; j < candidates.n; ++j) {
        const float cx = candidates.at[0][j], cy = candidates.at[1][j];
        const float cz = candidates.at[2][j], cw = candidates.at[3][j];
        const std::uint32_t number = candidates.number[j];
        for (std::size_t i = 0; i < block_size; ++i) {
            const float dx = at[0][i] - cx, dy = at[1][i] - cy, dz = at[2][i] - cz;
            float d = dx * dx + dy * dy + dz * dz;
            if constexpr (axes == 4) d += (at[3][i] - cw) * (at[3][i] - cw);
            // Masks, since the compiler makes branches of choices between stored values.
            const std::uint32_t nearer = d < nearest_sq[i] ? 0xffffffffu : 0u;
            label[i] = (label[i] & ~nearer) | (number & nearer);
            nearest_sq[i] = std::min(nearest_sq[i], d);
        }
    }
}

// The candidates at each level of the search: all, of a group, of a few blocks, of a block.
struct Levels {
    Candidates all, group, few, block;

    explicit Levels(std::span<const float> centroids)
        : all(centroids), group(all.n), few(all.n), block(all.n) {}
};

// Calls uniform(block, label) where a whole block has one nearest centroid, and
// mixed(block, BlockLabels) with each point's label otherwise, for the blocks of one group.
template <std::size_t axes, class Uniform, class Mixed>
[[gnu::always_inline]] inline void for_each_block(const float* points, std::size_t n,
                                                  const Box* boxes, std::size_t group,
                                                  Levels& levels, Uniform uniform, Mixed mixed) {
    const std::size_t first = group * blocks_per_group;
    const std::size_t last = std::min(first + blocks_per_group, chunks_of(n, block_size));
    keep_candidates<axes>(box_around(boxes + first, last - first), levels.all, levels.group);
    Lanes lanes;
    BlockLabels labels;
    for (std::size_t from = first; from < last; from += few_blocks) {
        const std::size_t to = std::min(from + few_blocks, last);
        keep_candidates<axes>(box_around(boxes + from, to - from), levels.group, levels.few);
        for (std::size_t b = from; b < to; ++b) {
            const Candidates* candidates = &levels.few;
            if (levels.few.n > most_compared) {
                keep_candidates<axes>(boxes[b], levels.few, levels.block);
                candidates = &levels.block;
            }
            if (candidates->n == 1) {
                uniform(b, candidates->number[0]);
                continue;
            }
            lay_out(points + 4 * block_size * b, std::min(block_size, n - block_size * b), lanes);
            find_nearest<axes>(lanes, *candidates, labels);
            mixed(b, labels);
        }
    }
}

// Labels of the points of one group.
template <std::size_t axes>
struct AssignGroup {
    [[gnu::always_inline]] static void run(const float* points, std::size_t n, const Box* boxes,
                                           std::size_t group, Levels* levels,
                                           std::uint32_t* labels) {
        for_each_block<axes>(
            points, n, boxes, group, *levels,
            [=](std::size_t b, std::uint32_t label) {
                const std::size_t first = b * block_size;
                std::fill(labels + first, labels + std::min(n, first + block_size), label);
            },
            [=](std::size_t b, const BlockLabels& found) {
                const std::size_t first = b * block_size;
                std::copy_n(found.begin(), std::min(block_size, n - first), labels + first);
            });
    }
};

// The lowest and highest coordinates of points in rows.
struct BoxOfRows {
    static constexpr std::size_t rows = 4;

    [[gnu::always_inline]] static void run(const float* points, std::size_t n,
                                           std::array<float, 4>* low, std::array<float, 4>* high) {
        std::array<float, 4 * rows> least, most;
        for (std::size_t i = 0; i < least.size(); ++i) least[i] = most[i] = points[i % 4];
        std::size_t first = 0;
        for (; first + rows <= n; first += rows)
            for (std::size_t i = 0; i < least.size(); ++i) {
                const float x = points[4 * first + i];
                least[i] = std::min(least[i], x);
                most[i] = std::max(most[i], x);
            }
        for (; first < n; ++first)
            for (std::size_t a = 0; a < 4; ++a) {
                least[a] = std::min(least[a], points[4 * first + a]);
                most[a] = std::max(most[a], points[4 * first + a]);
            }
        for (std::size_t a = 0; a < 4; ++a) {
            (*low)[a] = least[a];
            (*high)[a] = most[a];
            for (std::size_t r = 1; r < rows; ++r) {
                (*low)[a] = std::min((*low)[a], least[4 * r + a]);
                (*high)[a] = std::max((*high)[a], most[4 * r + a]);
            }
        }
    }
};

// The boxes around the blocks of a run of points.
struct BoxBlocks {
    [[gnu::always_inline]] static void run(const float* points, std::size_t n, Box* boxes) {
        for (std::size_t at = 0; at < n; at += block_size) {
            std::array<float, 4> low, high;
            BoxOfRows::run(points + 4 * at, std::min(block_size, n - at), &low, &high);
            *boxes++ = box_between(low, high);
        }
    }
};

// The boxes around the blocks of points.
inline std::vector<Box> boxes_of(std::span<const float> points, int n_threads, Width width) {
    const std::size_t n = points.size() / 4;
    std::vector<Box> boxes(chunks_of(n, block_size));
    for_each_chunk(chunks_of(n, chunk_size), n_threads, [&](std::size_t chunk) {
        const std::size_t first = chunk * chunk_size;
        run<BoxBlocks>(width, points.data() + 4 * first, std::min(chunk_size, n - first),
                       boxes.data() + first / block_size);
    });
    return boxes;
}

// Whether the fourth coordinate of all points and centroids is the same, as opaque colors' is; then
// distances are those of three axes, bit for bit.
inline bool share_fourth(std::span<const Box> boxes, std::span<const float> centroids) {
    if (centroids.empty()) return false;
    const float shared = centroids[3];
    for (std::size_t at = 3; at < centroids.size(); at += 4)
        if (centroids[at] != shared) return false;
    return std::all_of(boxes.begin(), boxes.end(), [=](const Box& box) {
        return box.half[3] == 0.0f && box.middle[3] == shared;
    });
}

// The number of the nearest centroid of each point.
inline void assign(std::span<const float> points, std::span<const float> centroids,
                   std::span<std::uint32_t> labels, int n_threads, Width width) {
    const std::size_t n = points.size() / 4;
    const auto boxes = boxes_of(points, n_threads, width);
    const bool is_flat = share_fourth(boxes, centroids);
    for_each_chunk(chunks_of(n, chunk_size), n_threads, [&](std::size_t chunk) {
        Levels levels(centroids);
        const std::size_t last = std::min(chunks_of(n, group_size), (chunk + 1) * groups_per_chunk);
        for (std::size_t group = chunk * groups_per_chunk; group < last; ++group)
            if (is_flat)
                run<AssignGroup<3>>(width, points.data(), n, boxes.data(), group, &levels,
                                    labels.data());
            else
                run<AssignGroup<4>>(width, points.data(), n, boxes.data(), group, &levels,
                                    labels.data());
    });
}

}  // namespace pimenton
