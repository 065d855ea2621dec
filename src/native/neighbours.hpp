// How far each of a few points is from the nearest other one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "simd.hpp"

namespace pimenton {

// Lets one point come nearer to all, itself too.
struct ComeNearer {
    // Four planes of n coordinates each; a sum is taken axis by axis.
    [[gnu::always_inline]] static void run(const double* planes, std::size_t n, std::size_t i,
                                           double* least_sq) {
        const double *x = planes, *y = planes + n, *z = planes + 2 * n, *w = planes + 3 * n;
        const double xi = x[i], yi = y[i], zi = z[i], wi = w[i];
        for (std::size_t j = 0; j < n; ++j) {
            const double dx = x[j] - xi, dy = y[j] - yi, dz = z[j] - zi, dw = w[j] - wi;
            least_sq[j] = std::min(least_sq[j], dx * dx + dy * dy + dz * dz + dw * dw);
        }
    }
};

// Infinite where there is only one point.
inline std::vector<double> neighbour_distances(std::span<const float> points, Width width) {
    const std::size_t n = points.size() / 4;
    std::vector<double> planes(4 * n), nearest(n, std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t a = 0; a < 4; ++a) planes[n * a + i] = points[4 * i + a];
    for (std::size_t i = 0; i < n; ++i) {
        const double own = nearest[i];
        run<ComeNearer>(width, static_cast<const double*>(planes.data()), n, i, nearest.data());
        nearest[i] = own;
    }
    for (double& distance : nearest) distance = std::sqrt(distance);
    return nearest;
}

}  // namespace pimenton
