// The assignment of K-means in double precision, comparing every centroid: for results that must
// agree with other implementations to the last near-tie, where the pruned search in float does not
// tell two centroids apart.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "parallel.hpp"
#include "simd.hpp"

namespace pimenton {

struct AssignPrecisely {
    static constexpr std::size_t lanes = 32;

    [[gnu::always_inline]] static void run(const double* points, std::size_t n,
                                           const double* centroids, std::size_t k,
                                           std::uint32_t* labels) {
        std::array<std::array<double, lanes>, 4> at;
        std::array<double, lanes> nearest;
        std::array<std::uint64_t, lanes> label;
        for (std::size_t first = 0; first < n; first += lanes) {
            const std::size_t count = n - first < lanes ? n - first : lanes;
            for (std::size_t i = 0; i < lanes; ++i)
                for (std::size_t a = 0; a < 4; ++a)
                    at[a][i] = points[4 * (first + (i < count ? i : 0)) + a];
            nearest.fill(std::numeric_limits<double>::infinity());
            label.fill(0);
            for (std::size_t j = 0; j < k; ++j) {
                const double* c = centroids + 4 * j;
                for (std::size_t i = 0; i < lanes; ++i) {
                    const double dx = at[0][i] - c[0], dy = at[1][i] - c[1];
                    const double dz = at[2][i] - c[2], dw = at[3][i] - c[3];
                    const double d = dx * dx + dy * dy + dz * dz + dw * dw;
                    const std::uint64_t nearer = d < nearest[i] ? ~std::uint64_t{0} : 0;
                    label[i] = (label[i] & ~nearer) | (j & nearer);
                    nearest[i] = d < nearest[i] ? d : nearest[i];
                }
            }
            for (std::size_t i = 0; i < count; ++i)
                labels[first + i] = static_cast<std::uint32_t>(label[i]);
        }
    }
};

inline void assign_precisely(std::span<const double> points, std::span<const double> centroids,
                             std::span<std::uint32_t> labels, int n_threads, Width width) {
    constexpr std::size_t per_chunk = 8192;
    const std::size_t n = labels.size();
    for_each_chunk(chunks_of(n, per_chunk), n_threads, [&](std::size_t chunk) {
        const std::size_t first = chunk * per_chunk;
        run<AssignPrecisely>(width, points.data() + 4 * first,
                             n - first < per_chunk ? n - first : per_chunk, centroids.data(),
                             centroids.size() / 4, labels.data() + first);
    });
}

}  // namespace pimenton
