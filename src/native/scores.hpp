// Perceptual scores of one picture against another: SSIMULACRA 2.1 and a multi-scale SSIM.
//
// Both compare local means, variances and covariances under the same small Gaussian, at several
// scales. A picture is cut into tiles of fixed size, small enough that everything about one stays
// in the fastest cache; lanes run over the columns of a tile, sums are kept by column in double and
// added in a fixed order, so neither threads nor SIMD width change a bit.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "parallel.hpp"
#include "pyramid.hpp"
#include "simd.hpp"

namespace pimenton {

// The Gaussian of standard deviation 1.5 that SSIMULACRA 2 uses: not sampled, but the sum of three
// cosines that the recursive filter of D. Charalampidis ("Recursive Implementation of the Gaussian
// Filter Using Truncated Cosine Functions", IEEE Trans. Signal Processing 64, 2016) computes for a
// radius of 5, where the outermost weight is zero. Written out as nine weights it needs no
// recursion; the tests derive them again.
inline constexpr std::array<float, 5> blur_weights{0.26462110548819856f, 0.2129285920104222f,
                                                   0.10933537277746032f, 0.036011114658364374f,
                                                   0.0094143678096537f};
inline constexpr std::size_t reach = 4;
inline constexpr std::size_t tile_columns = 128;
inline constexpr std::size_t tile_rows = 64;

using TileRow = std::array<float, tile_columns>;
using WideRow = std::array<float, tile_columns + 2 * reach>;

// What is compared: two planes of one scale, and the place of the tile.
struct ComparedTile {
    const float* a;
    const float* b;
    std::size_t width;
    std::size_t height;
    std::size_t left;
    std::size_t top;

    std::size_t n_columns() const { return std::min(tile_columns, width - left); }
    std::size_t n_rows() const { return std::min(tile_rows, height - top); }
};

// Blurred values of one row of a tile.
struct LocalMoments {
    TileRow mean_a;
    TileRow mean_b;
    TileRow squares;     // of a squared + b squared
    TileRow difference;  // of a - b, squared

    // The sum of both variances, and the variance of the difference: small numbers are subtracted
    // from small ones, where a covariance would be the difference of large ones.
    [[gnu::always_inline]] float variances(std::size_t x) const {
        return squares[x] - (mean_a[x] * mean_a[x] + mean_b[x] * mean_b[x]);
    }
    [[gnu::always_inline]] float variance_apart(std::size_t x) const {
        const float apart = mean_a[x] - mean_b[x];
        return difference[x] - apart * apart;
    }
};

[[gnu::always_inline]] inline float weigh(float center, float one, float two, float three,
                                          float four) {
    return blur_weights[0] * center + blur_weights[1] * one + blur_weights[2] * two +
           blur_weights[3] * three + blur_weights[4] * four;
}

[[gnu::always_inline]] inline void blur_across(const WideRow& in, TileRow& out) {
    for (std::size_t x = 0; x < tile_columns; ++x)
        out[x] = weigh(in[x + 4], in[x + 3] + in[x + 5], in[x + 2] + in[x + 6],
                       in[x + 1] + in[x + 7], in[x] + in[x + 8]);
}

// The last nine rows of one value, blurred across, the newest in slot `newest`.
struct RecentRows {
    std::array<TileRow, 2 * reach + 1> rows;

    [[gnu::always_inline]] void blur_down(std::size_t newest, TileRow& out) const {
        const auto at = [&](std::size_t age) { return rows[(newest + 9 - age) % 9].data(); };
        const float *r0 = at(8), *r1 = at(7), *r2 = at(6), *r3 = at(5), *r4 = at(4), *r5 = at(3),
                    *r6 = at(2), *r7 = at(1), *r8 = at(0);
        TileRow blurred;
        for (std::size_t x = 0; x < tile_columns; ++x)
            blurred[x] =
                weigh(r4[x], r3[x] + r5[x], r2[x] + r6[x], r1[x] + r7[x], r0[x] + r8[x]);
        out = blurred;
    }
};

enum class Border { zero, repeat };

// Row y of a plane around a tile; y and the columns may lie outside the plane by the blur's reach.
inline void read_row(const float* plane, const ComparedTile& tile, std::ptrdiff_t y, Border border,
                     WideRow& row) {
    const auto height = static_cast<std::ptrdiff_t>(tile.height);
    const auto width = static_cast<std::ptrdiff_t>(tile.width);
    row.fill(0.0f);
    if (border == Border::zero && (y < 0 || y >= height)) return;
    const float* line = plane + std::clamp<std::ptrdiff_t>(y, 0, height - 1) * width;
    const auto before = static_cast<std::ptrdiff_t>(tile.left) - static_cast<std::ptrdiff_t>(reach);
    const auto first = std::max<std::ptrdiff_t>(before, 0);
    const auto end = std::min(before + static_cast<std::ptrdiff_t>(row.size()), width);
    std::copy(line + first, line + end, row.begin() + (first - before));
    if (border == Border::zero) return;
    std::fill(row.begin(), row.begin() + (first - before), line[first]);
    std::fill(row.begin() + (end - before), row.end(), line[end - 1]);
}

// Gives every row of a tile, with its moments, to map->add(tile, y, a, b, moments).
template <class Map>
struct CompareTile {
    [[gnu::always_inline]] static void run(const ComparedTile* tile, Map* map) {
        std::array<WideRow, 9> a, b;
        WideRow squares, difference;
        RecentRows mean_a, mean_b, mean_squares, mean_difference;
        LocalMoments moments;
        const std::size_t n_read = tile->n_rows() + 2 * reach;
        for (std::size_t row = 0; row < n_read; ++row) {
            const std::size_t slot = row % 9;
            const auto y = static_cast<std::ptrdiff_t>(tile->top + row) -
                           static_cast<std::ptrdiff_t>(reach);
            read_row(tile->a, *tile, y, Map::border, a[slot]);
            read_row(tile->b, *tile, y, Map::border, b[slot]);
            for (std::size_t x = 0; x < squares.size(); ++x) {
                const float of_a = a[slot][x], of_b = b[slot][x];
                squares[x] = of_a * of_a + of_b * of_b;
                difference[x] = (of_a - of_b) * (of_a - of_b);
            }
            blur_across(a[slot], mean_a.rows[slot]);
            blur_across(b[slot], mean_b.rows[slot]);
            blur_across(squares, mean_squares.rows[slot]);
            blur_across(difference, mean_difference.rows[slot]);
            if (row < 2 * reach) continue;
            mean_a.blur_down(slot, moments.mean_a);
            mean_b.blur_down(slot, moments.mean_b);
            mean_squares.blur_down(slot, moments.squares);
            mean_difference.blur_down(slot, moments.difference);
            const std::size_t center = (row - reach) % 9;
            map->add(*tile, static_cast<std::size_t>(y) - reach, a[center].data() + reach,
                     b[center].data() + reach, moments);
        }
    }
};

// Tiles of every plane of every scale, large scales first.
inline std::vector<ComparedTile> tiles_of(std::span<const Scale> scales, const float* a,
                                          const float* b, std::size_t n_planes) {
    std::vector<ComparedTile> tiles;
    for (const Scale& scale : scales)
        for (std::size_t plane = 0; plane < n_planes; ++plane) {
            const std::size_t start = scale.start + plane * scale.width * scale.height;
            for (std::size_t top = 0; top < scale.height; top += tile_rows)
                for (std::size_t left = 0; left < scale.width; left += tile_columns)
                    tiles.push_back({a + start, b + start, scale.width, scale.height, left, top});
        }
    return tiles;
}

// ---- SSIMULACRA 2 -------------------------------------------------------------------------------

// Three error maps of one plane: how much structure differs, how much edge was added (ringing,
// banding, blocks), and how much was lost (smoothing). Sums of each and of its fourth power.
inline constexpr std::size_t n_norms = 6;
using Norms = std::array<double, n_norms>;

struct StructureErrors {
    static constexpr Border border = Border::zero;
    std::array<std::array<double, tile_columns>, n_norms> columns{};

    [[gnu::always_inline]] void add(const ComparedTile&, std::size_t, const float* a,
                                    const float* b, const LocalMoments& m) {
        constexpr float c2 = 0.0009f;
        std::array<TileRow, 3> errors;
        for (std::size_t x = 0; x < tile_columns; ++x) {
            // With t = v1 + v2 + c2 and d the variance of the difference, the definition's
            // 1 - (1 - apart^2) (2 c + c2) / t, where 2 c + c2 = t - d.
            const float apart = m.mean_a[x] - m.mean_b[x], square = apart * apart;
            const float total = m.variances(x) + c2;
            const float different = m.variance_apart(x);
            const float structure = (different + (total - different) * square) / total;
            const float edge_a = std::abs(a[x] - m.mean_a[x]);
            const float edge_b = std::abs(b[x] - m.mean_b[x]);
            const float change = (edge_b - edge_a) / (1.0f + edge_a);
            errors[0][x] = std::max(structure, 0.0f);
            errors[1][x] = std::max(change, 0.0f);
            errors[2][x] = std::max(-change, 0.0f);
        }
        for (std::size_t map = 0; map < 3; ++map)
            for (std::size_t x = 0; x < tile_columns; ++x) {
                const double error = errors[map][x];
                const double square = error * error;
                columns[map][x] += error;
                columns[3 + map][x] += square * square;
            }
    }

    Norms sums(std::size_t n_columns) const {
        Norms result{};
        for (std::size_t norm = 0; norm < n_norms; ++norm)
            for (std::size_t x = 0; x < n_columns; ++x) result[norm] += columns[norm][x];
        return result;
    }
};

inline constexpr std::size_t ssimulacra2_scales = 6;

// Weights of the 108 norms: plane, scale, exponent (1, 4), map. Published with the definition,
// tools/ssimulacra2.cc of libjxl (J. Sneyers, version 2.1, April 2023; BSD-3-Clause).
inline constexpr std::array<double, 108> ssimulacra2_weights{
    0.0, 0.0007376606707406586, 0.0, 0.0, 0.0007793481682867309, 0.0, 0.0, 0.0004371155730107379,
    0.0, 1.1041726426657346, 0.00066284834129271, 0.00015231632783718752, 0.0,
    0.0016406437456599754, 0.0, 1.8422455520539298, 11.441172603757666, 0.0,
    0.0007989109436015163, 0.000176816438078653, 0.0, 1.8787594979546387, 10.94906990605142, 0.0,
    0.0007289346991508072, 0.9677937080626833, 0.0, 0.00014003424285435884, 0.9981766977854967,
    0.00031949755934435053, 0.0004550992113792063, 0.0, 0.0, 0.0013648766163243398, 0.0, 0.0, 0.0,
    0.0, 0.0, 7.466890328078848, 0.0, 17.445833984131262, 0.0006235601634041466, 0.0, 0.0,
    6.683678146179332, 0.00037724407979611296, 1.027889937768264, 225.20515300849274, 0.0, 0.0,
    19.213238186143016, 0.0011401524586618361, 0.001237755635509985, 176.39317598450694, 0.0, 0.0,
    24.43300999870476, 0.28520802612117757, 0.0004485436923833408, 0.0, 0.0, 0.0,
    34.77906344483772, 44.835625328877896, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.0008680556573291698, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0005313191874358747, 0.0,
    0.00016533814161379112, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0004179171803251336, 0.0017290828234722833,
    0.0, 0.0020827005846636437, 0.0, 0.0, 8.826982764996862, 23.19243343998926, 0.0,
    95.1080498811086, 0.9863978034400682, 0.9834382792465353, 0.0012286405048278493,
    171.2667255897307, 0.9807858872435379, 0.0, 0.0, 0.0, 0.0005130064588990679, 0.0,
    0.00010854057858411537,
};

// x to a power, for x > 0, in plain arithmetic, because std::pow differs between C libraries and a
// score steers searches. Relative error below 1e-14 for results between 1e-6 and 1e6.
inline double power(double x, double exponent) {
    constexpr double ln2 = 0.69314718055994530942;
    int e = 0;
    const double mantissa = std::frexp(x, &e);
    const double ratio = (mantissa - 1.0) / (mantissa + 1.0), square = ratio * ratio;
    double series = 0.0;  // of atanh(ratio) / ratio; |ratio| is at most 1/3
    for (int k = 35; k >= 1; k -= 2) series = series * square + 1.0 / k;
    const double log = e * ln2 + 2.0 * ratio * series;
    const double whole = std::floor(exponent * log / ln2 + 0.5);
    const double rest = exponent * log - whole * ln2;
    double sum = 1.0;
    for (int k = 18; k >= 1; --k) sum = 1.0 + sum * rest / k;
    return std::ldexp(sum, static_cast<int>(whole));
}

// The score of a weighted sum of norms: 100 for no error, no lower bound.
inline double ssimulacra2_score(double error) {
    const double e = error * 0.9562382616834844;
    const double curved =
        2.326765642916932 * e - 0.020884521182843837 * e * e + 6.248496625763138e-05 * e * e * e;
    return curved > 0.0 ? 100.0 - 10.0 * power(curved, 0.6276336467831387) : 100.0;
}

// SSIMULACRA 2.1 of two pyramids in XYB. A picture too small for six scales uses the weights in
// order from the first, without gaps, as the definition's program does.
inline double ssimulacra2(std::span<const float> a, std::span<const float> b, std::size_t width,
                          std::size_t height, int n_threads, Width simd) {
    const auto scales = scales_of(width, height, ssimulacra2_scales);
    const auto tiles = tiles_of(scales, a.data(), b.data(), 3);
    std::vector<Norms> parts(tiles.size());
    for_each_chunk(tiles.size(), n_threads, [&](std::size_t i) {
        StructureErrors errors;
        run<CompareTile<StructureErrors>>(simd, &tiles[i], &errors);
        parts[i] = errors.sums(tiles[i].n_columns());
    });
    std::vector<Norms> norms(3 * scales.size());  // by scale, then plane, as the tiles are
    std::size_t next = 0;
    for (std::size_t i = 0; i < norms.size(); ++i) {
        const Scale& scale = scales[i / 3];
        const std::size_t count =
            chunks_of(scale.width, tile_columns) * chunks_of(scale.height, tile_rows);
        const double area = static_cast<double>(scale.width * scale.height);
        for (const std::size_t end = next + count; next < end; ++next)
            for (std::size_t norm = 0; norm < n_norms; ++norm) norms[i][norm] += parts[next][norm];
        for (std::size_t norm = 0; norm < n_norms; ++norm) norms[i][norm] /= area;
        for (std::size_t norm = 3; norm < n_norms; ++norm)
            norms[i][norm] = std::sqrt(std::sqrt(norms[i][norm]));
    }
    double error = 0.0;
    const double* weight = ssimulacra2_weights.data();
    for (std::size_t plane = 0; plane < 3; ++plane)
        for (std::size_t scale = 0; scale < scales.size(); ++scale)
            for (double norm : norms[3 * scale + plane]) error += *weight++ * norm;
    return ssimulacra2_score(error);
}

// ---- Multi-scale SSIM ---------------------------------------------------------------------------

inline constexpr std::size_t ssim_scales = 5;

// Z. Wang, E. P. Simoncelli, A. C. Bovik, "Multiscale structural similarity for image quality
// assessment", Asilomar 2003: how much each scale counts, from full size down.
inline constexpr std::array<float, ssim_scales> ssim_scale_weights{0.0448f, 0.2856f, 0.3001f,
                                                                   0.2363f, 0.1333f};
// Lightness counts as much as both chroma axes together.
inline constexpr std::array<float, 3> ssim_plane_weights{0.5f, 0.25f, 0.25f};

// Adds one plane's 1 - SSIM, times a weight, to the scale's error map.
struct SimilarityErrors {
    static constexpr Border border = Border::repeat;
    float weight;
    float* map;

    [[gnu::always_inline]] void add(const ComparedTile& tile, std::size_t y, const float*,
                                    const float*, const LocalMoments& m) {
        constexpr float c1 = 0.0001f, c2 = 0.0009f;
        TileRow error;
        for (std::size_t x = 0; x < tile_columns; ++x) {
            const float apart = m.mean_a[x] - m.mean_b[x];
            const float powers = m.mean_a[x] * m.mean_a[x] + m.mean_b[x] * m.mean_b[x];
            // 1 minus each factor of SSIM.
            const float luminance = apart * apart / (powers + c1);
            const float structure = m.variance_apart(x) / (m.variances(x) + c2);
            error[x] =
                weight * std::max(luminance + structure - luminance * structure, 0.0f);
        }
        float* out = map + y * tile.width + tile.left;
        const std::size_t n = tile.n_columns();
        for (std::size_t x = 0; x < n; ++x) out[x] += error[x];
    }
};

struct Similarity {
    double score;            // 1 minus the mean of the errors
    std::vector<float> map;  // (height, width), the error of each pixel over all scales
};

// Multi-scale SSIM of two pyramids in Oklab (a and b moved by 0.5).
inline Similarity ssim(std::span<const float> a, std::span<const float> b, std::size_t width,
                       std::size_t height, int n_threads, Width simd) {
    const auto scales = scales_of(width, height, ssim_scales);
    float all = 0.0f;
    for (std::size_t s = 0; s < scales.size(); ++s) all += ssim_scale_weights[s];
    std::vector<float> errors;  // of the scale below, then of this one plus those below
    for (std::size_t s = scales.size(); s-- > 0;) {
        const Scale& scale = scales[s];
        const std::size_t area = scale.width * scale.height;
        std::vector<float> map(area);
        if (!errors.empty()) {
            const std::size_t below = scales[s + 1].width;
            for_each_chunk(chunks_of(scale.height, tile_rows), n_threads, [&](std::size_t chunk) {
                const std::size_t end = std::min(scale.height, (chunk + 1) * tile_rows);
                for (std::size_t y = chunk * tile_rows; y < end; ++y)
                    for (std::size_t x = 0; x < scale.width; ++x)
                        map[y * scale.width + x] = errors[y / 2 * below + x / 2];
            });
        }
        const auto tiles = tiles_of({&scale, 1}, a.data(), b.data(), 1);
        for_each_chunk(tiles.size(), n_threads, [&](std::size_t i) {
            for (std::size_t plane = 0; plane < 3; ++plane) {
                ComparedTile tile = tiles[i];
                tile.a += plane * area;
                tile.b += plane * area;
                SimilarityErrors similarity{ssim_plane_weights[plane] * ssim_scale_weights[s] / all,
                                            map.data()};
                run<CompareTile<SimilarityErrors>>(simd, &tile, &similarity);
            }
        });
        errors = std::move(map);
    }
    double sum = 0.0;
    for (float error : errors) sum += error;
    return {1.0 - sum / static_cast<double>(errors.size()), std::move(errors)};
}

}  // namespace pimenton
