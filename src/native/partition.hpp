// Points parted into clusters for a search that changes a few clusters at a time.
//
// All is local. Labels are kept; a step looks at points only in clusters whose centroid moved, and in
// those near enough to one that moved. So splitting or dissolving a cluster and settling what is
// around touches a handful of clusters, and can be undone.
#pragma once

#include <cstring>
#include <utility>

#include "nearest.hpp"
#include "sums.hpp"

namespace pimenton {

// The nearest of some centroids for each of some points by coordinate, `stride` apart, and how far it
// is, squared. Whole vectors are read and written.
struct NearestOfFew {
    static constexpr std::size_t lanes = 16;

    [[gnu::always_inline]] static void run(const float* at, std::size_t stride, std::size_t n,
                                           const Candidates* few, std::uint32_t own,
                                           std::uint32_t* labels, std::uint32_t* n_leaving) {
        std::uint32_t leaving = 0;
        for (std::size_t first = 0; first < n; first += lanes) {
            const float* x = at + first;
            const float* y = x + stride;
            const float* z = y + stride;
            const float* w = z + stride;
            std::array<float, lanes> nearest_sq;
            std::array<std::uint32_t, lanes> label;
            nearest_sq.fill(std::numeric_limits<float>::infinity());
            label.fill(few->number[0]);
            for (std::size_t j = 0; j < few->n; ++j) {
                const float cx = few->at[0][j], cy = few->at[1][j];
                const float cz = few->at[2][j], cw = few->at[3][j];
                const std::uint32_t number = few->number[j];
                for (std::size_t i = 0; i < lanes; ++i) {
                    const float dx = x[i] - cx, dy = y[i] - cy, dz = z[i] - cz, dw = w[i] - cw;
                    const float d = dx * dx + dy * dy + dz * dz + dw * dw;
                    const std::uint32_t nearer = d < nearest_sq[i] ? 0xffffffffu : 0u;
                    label[i] = (label[i] & ~nearer) | (number & nearer);
                    nearest_sq[i] = std::min(nearest_sq[i], d);
                }
            }
            for (std::size_t i = 0; i < lanes; ++i) leaving += label[i] != own;
            std::copy_n(label.begin(), lanes, labels + first);
        }
        *n_leaving = leaving;
    }
};

// By how much inertia would rise if a cluster joined the one where that costs least. Two clusters of
// weights u and v whose means are d apart cost u v / (u + v) d^2 more as one.
struct LeastJoiningCost {
    static constexpr std::size_t lanes = 16;

    [[gnu::always_inline]] static void run(const Candidates* all, const float* weights,
                                           std::size_t from, float* cost) {
        const float* x = all->at[0].data();
        const float* y = all->at[1].data();
        const float* z = all->at[2].data();
        const float* w = all->at[3].data();
        const float cx = x[from], cy = y[from], cz = z[from], cw = w[from], u = weights[from];
        std::array<float, lanes> least;
        least.fill(std::numeric_limits<float>::infinity());
        for (std::size_t first = 0; first < all->score.size(); first += lanes)
            for (std::size_t i = 0; i < lanes; ++i) {
                const std::size_t j = first + i;
                const float dx = x[j] - cx, dy = y[j] - cy, dz = z[j] - cz, dw = w[j] - cw;
                const float v = weights[j];
                const float rise =
                    (dx * dx + dy * dy + dz * dz + dw * dw) * (u * v / (u + v + tiny));
                const float other = v > 0.0f && j != from
                                        ? rise
                                        : std::numeric_limits<float>::infinity();
                least[i] = std::min(least[i], other);
            }
        *cost = *std::min_element(least.begin(), least.end());
    }

   private:
    static constexpr float tiny = std::numeric_limits<float>::min();
};

// Boxes around clusters, by coordinate.
struct Boxes {
    std::vector<float> middle[4], half[4];

    explicit Boxes(std::size_t k) {
        for (std::size_t a = 0; a < 4; ++a) {
            middle[a].resize(k);
            half[a].resize(k);
        }
    }
};

// Whether a centroid may be nearer than each cluster's own to some place in the cluster's box.
struct MayWin {
    static constexpr std::size_t lanes = 16;

    [[gnu::always_inline]] static void run(const Candidates* all, const Boxes* boxes,
                                           std::size_t from, std::uint8_t* may_win) {
        constexpr float margin = 1e-5f;
        const std::size_t k = all->n;
        float c[4];
        const float *at[4], *middle[4], *half[4];
        for (std::size_t a = 0; a < 4; ++a) {
            at[a] = all->at[a].data();
            middle[a] = boxes->middle[a].data();
            half[a] = boxes->half[a].data();
            c[a] = at[a][from];
        }
        for (std::size_t first = 0; first < k; first += lanes) {
            std::array<float, lanes> there{}, here{}, reach{}, radius{};
            for (std::size_t a = 0; a < 4; ++a)
                for (std::size_t i = 0; i < lanes; ++i) {
                    const float m = middle[a][first + i], own = at[a][first + i];
                    const float h = half[a][first + i];
                    const float u = m - c[a], v = m - own;
                    there[i] += u * u;
                    here[i] += v * v;
                    reach[i] += h * std::abs(c[a] - own);
                    radius[i] += h * h;
                }
            std::array<std::uint32_t, lanes> wins;
            for (std::size_t i = 0; i < lanes; ++i) {
                const float floor = here[i] + margin * (here[i] + radius[i]) +
                                    std::numeric_limits<float>::min();
                wins[i] = there[i] * (1.0f - margin) - 2.0f * reach[i] - floor <= 0.0f;
            }
            for (std::size_t i = 0; i < lanes; ++i)
                may_win[first + i] = static_cast<std::uint8_t>(wins[i]);
        }
    }
};

// The box around points by coordinate.
struct BoxAround {
    static constexpr std::size_t lanes = 16;

    [[gnu::always_inline]] static void run(const float* at, std::size_t stride, std::size_t n,
                                           std::array<float, 4>* low, std::array<float, 4>* high) {
        for (std::size_t a = 0; a < 4; ++a) {
            const float* x = at + a * stride;
            std::array<float, lanes> least, most;
            least.fill(x[0]);
            most.fill(x[0]);
            std::size_t first = 0;
            for (; first + lanes <= n; first += lanes)
                for (std::size_t i = 0; i < lanes; ++i) {
                    least[i] = std::min(least[i], x[first + i]);
                    most[i] = std::max(most[i], x[first + i]);
                }
            for (std::size_t i = 0; first + i < n; ++i) {
                least[i] = std::min(least[i], x[first + i]);
                most[i] = std::max(most[i], x[first + i]);
            }
            (*low)[a] = *std::min_element(least.begin(), least.end());
            (*high)[a] = *std::max_element(most.begin(), most.end());
        }
    }
};

// The points of a cluster: numbers, and coordinates kept together for whole vectors.
struct Members {
    std::size_t n = 0, capacity = 0;
    std::vector<std::uint32_t> points;
    std::vector<float> at;

    void push(std::uint32_t point, const float* x) {
        if (n == capacity) grow();
        points[n] = point;
        for (std::size_t a = 0; a < 4; ++a) at[a * capacity + n] = x[a];
        ++n;
    }

    // Puts the last point in the place of one that leaves, and gives its number.
    std::uint32_t pop_into(std::size_t i) {
        --n;
        points[i] = points[n];
        for (std::size_t a = 0; a < 4; ++a) at[a * capacity + i] = at[a * capacity + n];
        return points[i];
    }

   private:
    void grow() {
        const std::size_t wider = std::max(2 * capacity, 2 * NearestOfFew::lanes);
        std::vector<float> wider_at(4 * wider);
        for (std::size_t a = 0; a < 4; ++a)
            std::copy_n(at.begin() + static_cast<std::ptrdiff_t>(a * capacity), n,
                        wider_at.begin() + static_cast<std::ptrdiff_t>(a * wider));
        at.swap(wider_at);
        points.resize(wider);
        capacity = wider;
    }
};

// Points parted into clusters around centroids, with the sums of each; changes can be undone.
class Partition {
   public:
    Partition(std::span<const float> points, std::span<const double> weights, std::size_t capacity,
              Width width)
        : points_(points), weights_(weights), width_(width), k_(capacity), labels_(weights.size()),
          places_(weights.size()), members_(capacity), sums_(capacity),
          all_(chunks_of(capacity, MayWin::lanes) * MayWin::lanes), kept_(capacity),
          boxes_(all_.score.size()),
          mass_(all_.score.size()), rivals_(capacity), is_changed_(capacity), is_saved_(capacity),
          saved_(capacity) {
        all_.n = k_;
        for (std::size_t j = 0; j < k_; ++j) {
            all_.number[j] = static_cast<std::uint32_t>(j);
            banish(j);
        }
    }

    std::size_t size() const { return k_; }
    const Sums& sums(std::size_t j) const { return sums_[j]; }
    bool is_empty(std::size_t j) const { return members_[j].n == 0; }
    const std::vector<std::uint32_t>& touched() const { return touched_; }

    double inertia() const {
        double sum = 0;
        for (const auto& sums : sums_) sum += sums.inertia();
        return sum;
    }

    void start_at(std::span<const float> centroids) {
        const std::size_t k = centroids.size() / 4;
        assign(points_, centroids, labels_, 1, width_);
        for (std::size_t i = 0; i < labels_.size(); ++i) join(i, labels_[i]);
        for (std::size_t j = 0; j < k; ++j) {
            for (std::size_t a = 0; a < 4; ++a) all_.at[a][j] = centroids[4 * j + a];
            if (!is_empty(j)) fit_box(j);
            mark(j);
        }
    }

    void start_as_one() {
        for (std::size_t i = 0; i < labels_.size(); ++i) join(i, 0);
        recenter(0);
        fit_box(0);
    }

    // Steps until no centroid moves by enough to lower inertia by more than `least_gain`, at most
    // n_steps.
    void settle(std::size_t n_steps, double least_gain) {
        for (std::size_t s = 0; s < n_steps && step(least_gain); ++s) ask_to_go_on();
    }

    // What was done becomes final, or is undone.
    void keep() {
        for (const auto j : touched_) is_saved_[j] = 0;
        touched_.clear();
        moves_.clear();
        kept_changed_ = changed_;
    }

    void undo() {
        for (std::size_t m = moves_.size(); m-- > 0;) {
            take_out(moves_[m].point);
            put_in(moves_[m].point, moves_[m].cluster);
        }
        for (const auto j : touched_) {
            sums_[j] = saved_[j].sums;
            mass_[j] = static_cast<float>(sums_[j].weight);
            for (std::size_t a = 0; a < 4; ++a) {
                all_.at[a][j] = saved_[j].centroid[a];
                boxes_.middle[a][j] = saved_[j].box.middle[a];
                boxes_.half[a][j] = saved_[j].box.half[a];
            }
            is_saved_[j] = 0;
        }
        for (const auto j : changed_) is_changed_[j] = 0;
        changed_ = kept_changed_;
        for (const auto j : changed_) is_changed_[j] = 1;
        touched_.clear();
        moves_.clear();
    }

    // How inertia changed since the last `keep`.
    double change() const {
        double sum = 0;
        for (const auto j : touched_) sum += sums_[j].inertia() - saved_[j].sums.inertia();
        return sum;
    }

    // Gives the points of a cluster to the nearest other ones.
    void dissolve(std::size_t source) {
        save(source);
        banish(source);
        if (!is_empty(source)) {
            const Box box = box_of(source);
            run<KeepCandidates>(width_, &box, &all_, &kept_);
            look(source);
            for (std::size_t i = 0; i < members_[source].n; ++i)
                pending_.push_back({members_[source].points[i], found_[i]});
            apply_pending();
        }
        unmark(source);
    }

    // Gives the points beyond a plane through a cluster's mean, across its longest axis, to an empty
    // cluster; tells whether there are any.
    bool split(std::size_t target, std::size_t empty) {
        cut(target);
        if (beyond_.empty() || beyond_.size() == members_[target].n) return false;
        save(empty);
        set_box(empty, box_of(target));
        for (const auto i : beyond_) move(i, empty);
        return true;
    }

    // By how much a split lowers inertia at once.
    double gain_of_cutting(std::size_t target) {
        if (is_empty(target)) return 0;
        cut(target);
        Sums beyond, rest = sums_[target];
        for (const auto i : beyond_) beyond.add(&points_[4 * i], weights_[i]);
        if (beyond_.empty() || beyond_.size() == members_[target].n) return 0;
        for (std::size_t a = 0; a < 4; ++a) rest.first[a] -= beyond.first[a];
        rest.weight -= beyond.weight;
        return cost_of_joining(beyond, rest);
    }

    // By how much inertia would rise if a cluster joined another one.
    double joining_cost(std::size_t source) const {
        if (is_empty(source)) return 0;
        float cost = 0;
        run<LeastJoiningCost>(width_, &all_, mass_.data(), source, &cost);
        return static_cast<double>(cost);
    }

    // Centroids, empty ones where they were last.
    std::vector<float> centroids() const {
        std::vector<float> result;
        for (std::size_t j = 0; j < k_; ++j)
            if (all_.at[0][j] < far)
                for (std::size_t a = 0; a < 4; ++a)
                    result.push_back(is_empty(j) ? all_.at[a][j] : mean(j, a));
        return result;
    }

   private:
    static constexpr float far = 1e18f;

    struct Saved {
        Sums sums;
        std::array<float, 4> centroid;
        Box box;
    };

    // A point, and the cluster that it was in or is to be in.
    struct Move {
        std::uint32_t point;
        std::uint32_t cluster;
    };

    float mean(std::size_t j, std::size_t a) const {
        return static_cast<float>(sums_[j].first[a] / sums_[j].weight);
    }

    void recenter(std::size_t j) {
        for (std::size_t a = 0; a < 4; ++a) all_.at[a][j] = mean(j, a);
    }

    void banish(std::size_t j) {
        for (auto& axis : all_.at) axis[j] = far;
    }

    // By how much inertia would fall if the centroid went to the mean.
    double gain_of_recentering(std::size_t j) const {
        if (is_empty(j)) return -1;
        double sq = 0;
        for (std::size_t a = 0; a < 4; ++a) {
            const double d = static_cast<double>(mean(j, a)) - static_cast<double>(all_.at[a][j]);
            sq += d * d;
        }
        return sq * sums_[j].weight;
    }

    Box box_of(std::size_t j) const {
        Box box;
        for (std::size_t a = 0; a < 4; ++a) {
            box.middle[a] = boxes_.middle[a][j];
            box.half[a] = boxes_.half[a][j];
        }
        return box;
    }

    void set_box(std::size_t j, const Box& box) {
        for (std::size_t a = 0; a < 4; ++a) {
            boxes_.middle[a][j] = box.middle[a];
            boxes_.half[a][j] = box.half[a];
        }
    }

    void fit_box(std::size_t j) {
        std::array<float, 4> low, high;
        const Members& members = members_[j];
        run<BoxAround>(width_, members.at.data(), members.capacity, members.n, &low, &high);
        set_box(j, box_between(low, high));
    }

    void widen_box(std::size_t j, const float* point) {
        bool inside = true;
        for (std::size_t a = 0; a < 4; ++a)
            inside = inside && std::abs(point[a] - boxes_.middle[a][j]) <= boxes_.half[a][j];
        if (inside) return;
        std::array<float, 4> low, high;
        for (std::size_t a = 0; a < 4; ++a) {
            low[a] = std::min(point[a], boxes_.middle[a][j] - boxes_.half[a][j]);
            high[a] = std::max(point[a], boxes_.middle[a][j] + boxes_.half[a][j]);
        }
        set_box(j, box_between(low, high));
    }

    void save(std::size_t j) {
        if (is_saved_[j]) return;
        is_saved_[j] = 1;
        touched_.push_back(static_cast<std::uint32_t>(j));
        saved_[j].sums = sums_[j];
        for (std::size_t a = 0; a < 4; ++a) saved_[j].centroid[a] = all_.at[a][j];
        saved_[j].box = box_of(j);
    }

    void mark(std::size_t j) {
        if (is_changed_[j]) return;
        is_changed_[j] = 1;
        changed_.push_back(static_cast<std::uint32_t>(j));
    }

    void unmark(std::size_t j) {
        if (!is_changed_[j]) return;
        is_changed_[j] = 0;
        changed_.erase(std::find(changed_.begin(), changed_.end(), j));
    }

    void take_out(std::size_t i) {
        const std::size_t place = places_[i];
        places_[members_[labels_[i]].pop_into(place)] = static_cast<std::uint32_t>(place);
    }

    void put_in(std::size_t i, std::size_t j) {
        labels_[i] = static_cast<std::uint32_t>(j);
        places_[i] = static_cast<std::uint32_t>(members_[j].n);
        members_[j].push(static_cast<std::uint32_t>(i), &points_[4 * i]);
    }

    void join(std::size_t i, std::size_t j) {
        put_in(i, j);
        sums_[j].add(&points_[4 * i], weights_[i]);
        mass_[j] = static_cast<float>(sums_[j].weight);
    }

    void move(std::size_t i, std::size_t j) {
        const std::size_t old = labels_[i];
        save(old);
        save(j);
        moves_.push_back({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(old)});
        take_out(i);
        // What differences of sums leave of an empty cluster is rounding.
        if (is_empty(old))
            sums_[old] = Sums{};
        else
            sums_[old].add(&points_[4 * i], -weights_[i]);
        join(i, j);
        mass_[old] = static_cast<float>(sums_[old].weight);
        widen_box(j, &points_[4 * i]);
        mark(old);
        mark(j);
    }

    void apply_pending() {
        for (const auto& [point, cluster] : pending_) move(point, cluster);
        pending_.clear();
    }

    // One step of Lloyd's algorithm from the clusters that changed; tells whether there were any.
    bool step(double least_gain) {
        const auto stays = std::partition(changed_.begin(), changed_.end(), [&](std::uint32_t j) {
            return !(gain_of_recentering(j) > least_gain);
        });
        now_.assign(stays, changed_.end());
        changed_.erase(stays, changed_.end());
        if (now_.empty()) return false;
        std::sort(now_.begin(), now_.end());
        for (const auto j : now_) {
            save(j);
            recenter(j);
            fit_box(j);
            is_changed_[j] = 2;
        }
        for (const auto j : now_) list_rivals(j);
        for (std::size_t j = 0; j < k_; ++j) {
            if (is_empty(j) || !list_candidates(j)) continue;
            if (look(j) == 0) continue;
            for (std::size_t i = 0; i < members_[j].n; ++i)
                if (found_[i] != j) pending_.push_back({members_[j].points[i], found_[i]});
        }
        for (const auto j : now_) is_changed_[j] = 0;
        apply_pending();
        return true;
    }

    // Puts the centroids that may win a point of a cluster into `kept_`; tells whether any but its own
    // may. Where its own did not move, these are among those that did.
    bool list_candidates(std::size_t j) {
        if (is_changed_[j] == 2) {
            const Box box = box_of(j);
            run<KeepCandidates>(width_, &box, &all_, &kept_);
            return kept_.n > 1 || kept_.number[0] != j;
        }
        kept_.n = 0;
        bool own = false;
        for (const auto rival : rivals_[j]) {
            if (!own && rival > j) {
                keep_candidate(j);
                own = true;
            }
            keep_candidate(rival);
        }
        rivals_[j].clear();
        if (kept_.n == 0) return false;
        if (!own) keep_candidate(j);
        return true;
    }

    // Notes a centroid that moved with the clusters where it may win a point.
    void list_rivals(std::uint32_t rival) {
        may_win_.resize(all_.score.size());
        run<MayWin>(width_, static_cast<const Candidates*>(&all_),
                    static_cast<const Boxes*>(&boxes_), static_cast<std::size_t>(rival),
                    may_win_.data());
        for (std::size_t first = 0; first < k_; first += sizeof(std::uint64_t)) {
            std::uint64_t any;
            std::memcpy(&any, may_win_.data() + first, sizeof any);
            if (any == 0) continue;
            for (std::size_t j = first; j < std::min(k_, first + sizeof any); ++j)
                if (may_win_[j] && is_changed_[j] != 2 && !is_empty(j)) rivals_[j].push_back(rival);
        }
    }

    void keep_candidate(std::size_t j) {
        for (std::size_t a = 0; a < 4; ++a) kept_.at[a][kept_.n] = all_.at[a][j];
        kept_.number[kept_.n++] = static_cast<std::uint32_t>(j);
    }

    // Finds the nearest of the candidates kept for each point of a cluster; gives how many leave it.
    std::size_t look(std::size_t j) {
        const Members& members = members_[j];
        const std::size_t whole = chunks_of(members.n, NearestOfFew::lanes) * NearestOfFew::lanes;
        if (found_.size() < whole) found_.resize(whole);
        std::uint32_t n_leaving = 0;
        run<NearestOfFew>(width_, members.at.data(), members.capacity, members.n,
                          static_cast<const Candidates*>(&kept_), static_cast<std::uint32_t>(j),
                          found_.data(), &n_leaving);
        return n_leaving;
    }

    // Lists the points of a cluster beyond the plane.
    void cut(std::size_t target) {
        const auto axis = longest_axis(target);
        const Sums& sums = sums_[target];
        double middle = 0;
        for (std::size_t a = 0; a < 4; ++a) middle += axis[a] * sums.first[a] / sums.weight;
        const Members& members = members_[target];
        beyond_.clear();
        for (std::size_t i = 0; i < members.n; ++i) {
            double t = 0;
            for (std::size_t a = 0; a < 4; ++a)
                t += axis[a] * static_cast<double>(members.at[a * members.capacity + i]);
            if (t > middle) beyond_.push_back(members.points[i]);
        }
    }

    // The direction in which a cluster's points vary most, by power iteration.
    std::array<double, 4> longest_axis(std::size_t j) const {
        double c[4][4] = {};
        const Sums& sums = sums_[j];
        const Members& members = members_[j];
        std::array<double, 4> mean;
        for (std::size_t a = 0; a < 4; ++a) mean[a] = sums.first[a] / sums.weight;
        for (std::size_t i = 0; i < members.n; ++i) {
            const double weight = weights_[members.points[i]];
            double d[4];
            for (std::size_t a = 0; a < 4; ++a)
                d[a] = static_cast<double>(members.at[a * members.capacity + i]) - mean[a];
            for (std::size_t a = 0; a < 4; ++a)
                for (std::size_t b = 0; b <= a; ++b) c[a][b] += weight * (d[a] * d[b]);
        }
        for (std::size_t a = 0; a < 4; ++a)
            for (std::size_t b = a + 1; b < 4; ++b) c[a][b] = c[b][a];
        std::size_t widest = 0;
        for (std::size_t a = 1; a < 4; ++a)
            if (c[a][a] > c[widest][widest]) widest = a;
        std::array<double, 4> axis{};
        axis[widest] = 1;
        if (!(c[widest][widest] > 0)) return axis;
        constexpr int n_iterations = 8;
        for (int n = 0; n < n_iterations; ++n) {
            std::array<double, 4> next{};
            double length = 0;
            for (std::size_t a = 0; a < 4; ++a) {
                for (std::size_t b = 0; b < 4; ++b) next[a] += c[a][b] * axis[b];
                length = std::max(length, std::abs(next[a]));
            }
            for (std::size_t a = 0; a < 4; ++a) axis[a] = next[a] / length;
        }
        return axis;
    }

    std::span<const float> points_;
    std::span<const double> weights_;
    Width width_;
    std::size_t k_;
    std::vector<std::uint32_t> labels_, places_;
    std::vector<Members> members_;
    std::vector<Sums> sums_;
    Candidates all_, kept_;
    Boxes boxes_;
    std::vector<float> mass_;  // weights of the clusters
    std::vector<std::vector<std::uint32_t>> rivals_;
    std::vector<std::uint8_t> is_changed_, is_saved_;
    std::vector<std::uint32_t> changed_, kept_changed_, touched_;
    std::vector<Saved> saved_;
    std::vector<Move> moves_, pending_;
    // Room for a step.
    std::vector<std::uint32_t> now_, found_, beyond_;
    std::vector<std::uint8_t> may_win_;
};

}  // namespace pimenton
