// What it costs to make one cluster of two.
#pragma once

#include "nearest.hpp"

namespace pimenton {

// Costs of joining clusters, and with which each costs least. Two clusters of weights u and v whose
// means are d apart cost u v / (u + v) d^2 more as one.
struct JoinWithOne {
    static constexpr std::size_t lanes = 16;

    // Costs of the others are lowered to that of joining `from`; gives its own least one.
    [[gnu::always_inline]] static void run(const Candidates* all, const float* weights,
                                           std::uint32_t from, float* costs,
                                           std::uint32_t* partners) {
        constexpr float tiny = std::numeric_limits<float>::min();
        constexpr auto infinite =
            std::bit_cast<std::uint32_t>(std::numeric_limits<float>::infinity());
        const float* x = all->at[0].data();
        const float* y = all->at[1].data();
        const float* z = all->at[2].data();
        const float* w = all->at[3].data();
        const float cx = x[from], cy = y[from], cz = z[from], cw = w[from], u = weights[from];
        std::array<float, lanes> least;
        std::array<std::uint32_t, lanes> partner;
        least.fill(std::numeric_limits<float>::infinity());
        partner.fill(from);
        for (std::size_t first = 0; first < all->score.size(); first += lanes) {
            std::array<float, lanes> cost;
            std::array<std::uint32_t, lanes> with;
            std::copy_n(costs + first, lanes, cost.begin());
            std::copy_n(partners + first, lanes, with.begin());
            for (std::size_t i = 0; i < lanes; ++i) {
                const std::size_t j = first + i;
                const float dx = x[j] - cx, dy = y[j] - cy, dz = z[j] - cz, dw = w[j] - cw;
                const float v = weights[j];
                const float rise =
                    (dx * dx + dy * dy + dz * dz + dw * dw) * (u * v / (u + v + tiny));
                const std::uint32_t none = v > 0.0f && j != from ? 0u : 0xffffffffu;
                const float other = std::bit_cast<float>((std::bit_cast<std::uint32_t>(rise) & ~none) |
                                                         (infinite & none));
                const std::uint32_t cheaper = other < cost[i] ? 0xffffffffu : 0u;
                with[i] = (with[i] & ~cheaper) | (from & cheaper);
                cost[i] = std::min(cost[i], other);
                const std::uint32_t best = other < least[i] ? 0xffffffffu : 0u;
                partner[i] = (partner[i] & ~best) | (static_cast<std::uint32_t>(j) & best);
                least[i] = std::min(least[i], other);
            }
            std::copy_n(cost.begin(), lanes, costs + first);
            std::copy_n(with.begin(), lanes, partners + first);
        }
        std::size_t best = 0;
        for (std::size_t i = 1; i < lanes; ++i)
            if (least[i] < least[best]) best = i;
        costs[from] = least[best];
        partners[from] = partner[best];
    }
};

// What joining another cluster costs each at the least, kept up to date as clusters change.
class JoiningCosts {
   public:
    explicit JoiningCosts(std::size_t capacity)
        : costs_(capacity), partners_(capacity), masses_(capacity, -1.0f), is_stale_(capacity) {
        for (auto& axis : at_) axis.resize(capacity);
    }

    // `weights` are those of the clusters, 0 where one is empty.
    void update(const Candidates& all, const std::vector<float>& weights, Width width) {
        std::vector<std::uint32_t> stale;
        for (std::uint32_t j = 0; j < all.n; ++j) {
            bool same = masses_[j] == weights[j];
            for (std::size_t a = 0; a < 4; ++a) same = same && at_[a][j] == all.at[a][j];
            is_stale_[j] = !same;
            masses_[j] = weights[j];
            for (std::size_t a = 0; a < 4; ++a) at_[a][j] = all.at[a][j];
        }
        for (std::uint32_t j = 0; j < all.n; ++j) {
            if (!is_stale_[j] && !is_stale_[partners_[j]]) continue;
            costs_[j] = std::numeric_limits<float>::infinity();
            partners_[j] = j;
            if (weights[j] > 0) stale.push_back(j);
        }
        for (const auto j : stale)
            run<JoinWithOne>(width, &all, weights.data(), j, costs_.data(), partners_.data());
    }

    float of(std::size_t j) const { return costs_[j]; }

   private:
    std::vector<float> costs_;
    std::vector<std::uint32_t> partners_;
    std::vector<float> masses_, at_[4];
    std::vector<std::uint8_t> is_stale_;
};

}  // namespace pimenton
