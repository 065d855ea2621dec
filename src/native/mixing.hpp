// Pairs of palette entries that mix to colors.
#pragma once

#include "nearest.hpp"

namespace pimenton {

// For each color the entry to mix its nearest one with, and the share of that partner.
//
// With e the error of the nearest entry and d the way to a partner, a share t of the partner costs
// |e - t d|^2, the squared error of the average, and grain * t (1 - t) |d|^2, some of the mixture's
// variance. That is least at t = slope / (2 (1 - grain) |d|^2), where slope = 2 e.d - grain |d|^2,
// and less than |e|^2 by slope^2 / (4 (1 - grain) |d|^2). Without any gain the share is 0.
struct MixColors {
    [[gnu::always_inline]] static void run(const float* points, std::size_t n,
                                           const std::uint32_t* labels, Candidates* entries,
                                           float grain, std::uint8_t* partners, float* shares) {
        const std::size_t k = entries->n;
        const float* x = entries->at[0].data();
        const float* y = entries->at[1].data();
        const float* z = entries->at[2].data();
        const float* w = entries->at[3].data();
        float* share = entries->score.data();
        std::vector<float> gains(k);
        float* gain = gains.data();
        const float rest = 1.0f - grain;
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint32_t own = labels[i];
            const float* p = points + 4 * i;
            const float cx = x[own], cy = y[own], cz = z[own], cw = w[own];
            const float ex = p[0] - cx, ey = p[1] - cy, ez = p[2] - cz, ew = p[3] - cw;
            std::int32_t most_bits = 0;
            for (std::size_t j = 0; j < k; ++j) {
                const float dx = x[j] - cx, dy = y[j] - cy, dz = z[j] - cz, dw = w[j] - cw;
                const float along = ex * dx + ey * dy + ez * dz + ew * dw;
                const float sq = dx * dx + dy * dy + dz * dz + dw * dw;
                const float slope = 2.0f * along - grain * sq;
                const float t = slope / (2.0f * rest * sq);
                const float won = slope > 0.0f ? 0.5f * t * slope : 0.0f;
                // Floats that are not negative are ordered as their bits are.
                const auto bits = std::bit_cast<std::int32_t>(won);
                most_bits = bits > most_bits ? bits : most_bits;
                share[j] = t;
                gain[j] = won;
            }
            const float most = std::bit_cast<float>(most_bits);
            std::size_t best = own;
            if (most > 0.0f)
                for (best = 0; gain[best] != most;) ++best;
            partners[i] = static_cast<std::uint8_t>(best);
            shares[i] = most > 0.0f ? share[best] : 0.0f;
        }
    }
};

// `labels` are the nearest entries; `grain` is at least 0 and below 1.
inline void mix_colors(std::span<const float> points, std::span<const float> entries,
                       std::span<const std::uint32_t> labels, float grain,
                       std::span<std::uint8_t> partners, std::span<float> shares, int n_threads,
                       Width width) {
    for_each_chunk(chunks_of(labels.size(), group_size), n_threads, [&](std::size_t chunk) {
        const std::size_t first = chunk * group_size;
        Candidates candidates(entries);
        run<MixColors>(width, points.data() + 4 * first,
                       std::min(group_size, labels.size() - first), labels.data() + first,
                       &candidates, grain, partners.data() + first, shares.data() + first);
    });
}

}  // namespace pimenton
