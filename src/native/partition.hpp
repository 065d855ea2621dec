// Points parted into clusters for a search that changes a few clusters at a time.
//
// All is local. Labels are kept; a step looks at points only in clusters whose centroid moved, and in
// those near enough to one that moved. So splitting or dissolving a cluster and settling what is
// around touches a handful of clusters, and can be undone.
#pragma once

#include <utility>

#include "clusters.hpp"
#include "joining.hpp"
#include "sums.hpp"

namespace pimenton {

// Points parted into clusters around centroids, with the sums of each; changes can be undone.
class Partition {
   public:
    Partition(std::span<const float> points, std::span<const double> weights, std::size_t capacity,
              Width width)
        : points_(points), weights_(weights), width_(width), k_(capacity), labels_(weights.size()),
          places_(weights.size()), members_(capacity), sums_(capacity), all_(capacity),
          kept_(capacity + 1), boxes_(all_.score.size()), mass_(all_.score.size()),
          joining_(all_.score.size()), rivals_(capacity), is_changed_(capacity),
          is_saved_(capacity), saved_(capacity) {
        all_.n = k_;
        for (std::size_t i = 1; i < weights.size(); ++i)
            is_flat_ = is_flat_ && points[4 * i + 3] == points[3];
        for (std::size_t j = 0; j < k_; ++j) all_.number[j] = static_cast<std::uint32_t>(j);
        for (auto& axis : all_.at) std::fill(axis.begin(), axis.end(), far);
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
            for (std::size_t a = 0; a < 4; ++a) all_.at[a][j] = saved_[j].centroid[a];
            boxes_.set(j, saved_[j].box);
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
            const Box box = boxes_.of(source);
            run_flat<KeepCandidates>(&box, &all_, &kept_);
            look(source);
            for (std::size_t i = 0; i < members_[source].n; ++i)
                pending_.push_back({members_[source].points[i], found_[i]});
            apply_pending();
        }
        unmark(source);
    }

    // Gives the points beyond a plane across a cluster's longest axis to an empty cluster; tells
    // whether there are any.
    bool split(std::size_t target, std::size_t empty) {
        cut(target);
        if (beyond_.empty() || beyond_.size() == members_[target].n) return false;
        save(empty);
        boxes_.set(empty, boxes_.of(target));
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

    // By how much inertia would rise if each cluster joined another one.
    const JoiningCosts& joining_costs() {
        joining_.update(all_, mass_, width_);
        return joining_;
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

    void fit_box(std::size_t j) {
        std::array<float, 4> low, high;
        const Members& members = members_[j];
        run_flat<BoxAround>(members.at.data(), members.capacity, members.n, &low, &high);
        boxes_.set(j, box_between(low, high));
    }

    void save(std::size_t j) {
        if (is_saved_[j]) return;
        is_saved_[j] = 1;
        touched_.push_back(static_cast<std::uint32_t>(j));
        saved_[j].sums = sums_[j];
        for (std::size_t a = 0; a < 4; ++a) saved_[j].centroid[a] = all_.at[a][j];
        saved_[j].box = boxes_.of(j);
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
        members_[j].push(static_cast<std::uint32_t>(i), weights_[i], &points_[4 * i]);
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
        boxes_.widen(j, &points_[4 * i]);
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
        // Where most moved, it takes longer to find out for whom each matters than to ask all.
        const bool most = 2 * now_.size() > k_;
        if (!most)
            for (const auto j : now_) list_rivals(j);
        for (std::size_t j = 0; j < k_; ++j) {
            if (is_empty(j) || !list_candidates(j, most)) continue;
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
    bool list_candidates(std::size_t j, bool of_all) {
        if (of_all || is_changed_[j] == 2) {
            const Box box = boxes_.of(j);
            run_flat<KeepCandidates>(&box, &all_, &kept_);
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
        run_flat<MayWin>(static_cast<const Candidates*>(&all_), static_cast<const Boxes*>(&boxes_),
                         static_cast<std::size_t>(rival), may_win_.data());
        for_each_flag(may_win_.data(), k_, [&](std::size_t j) {
            if (is_changed_[j] != 2 && !is_empty(j)) rivals_[j].push_back(rival);
        });
    }

    void keep_candidate(std::size_t j) {
        for (std::size_t a = 0; a < 4; ++a) kept_.at[a][kept_.n] = all_.at[a][j];
        kept_.number[kept_.n++] = static_cast<std::uint32_t>(j);
    }

    // Finds the nearest of the candidates kept for each point of a cluster; gives how many leave it.
    std::size_t look(std::size_t j) {
        const Members& members = members_[j];
        const std::size_t whole = chunks_of(members.n, vector_lanes) * vector_lanes;
        if (found_.size() < whole) found_.resize(whole);
        std::uint32_t n_leaving = 0;
        run_flat<NearestOfFew>(members.at.data(), members.capacity, members.n,
                               static_cast<const Candidates*>(&kept_),
                               static_cast<std::uint32_t>(j), found_.data(), &n_leaving);
        return n_leaving;
    }

    // Lists the points of a cluster beyond the plane.
    void cut(std::size_t target) {
        const Sums& sums = sums_[target];
        const Members& members = members_[target];
        const auto axis = is_flat_ ? longest_axis<3>(members, sums, width_)
                                   : longest_axis<4>(members, sums, width_);
        if (along_.size() < members.n) along_.resize(members.capacity);
        double cut = 0;
        run_flat<CutAlong>(members.at.data(), members.capacity, members.n, members.weights.data(),
                           static_cast<const double*>(axis.data()), along_.data(), &cut);
        beyond_.clear();
        for (std::size_t i = 0; i < members.n; ++i)
            if (along_[i] > cut) beyond_.push_back(members.points[i]);
    }

    // Points that share the fourth coordinate need three.
    template <template <std::size_t> class Kernel, class... Args>
    void run_flat(Args... args) {
        if (is_flat_)
            run<Kernel<3>>(width_, args...);
        else
            run<Kernel<4>>(width_, args...);
    }

    std::span<const float> points_;
    std::span<const double> weights_;
    Width width_;
    std::size_t k_;
    bool is_flat_ = true;
    std::vector<std::uint32_t> labels_, places_;
    std::vector<Members> members_;
    std::vector<Sums> sums_;
    Candidates all_, kept_;
    Boxes boxes_;
    std::vector<float> mass_;  // weights of the clusters
    JoiningCosts joining_;
    std::vector<std::vector<std::uint32_t>> rivals_;
    std::vector<std::uint8_t> is_changed_, is_saved_;
    std::vector<std::uint32_t> changed_, kept_changed_, touched_;
    std::vector<Saved> saved_;
    std::vector<Move> moves_, pending_;
    // Room for a step.
    std::vector<std::uint32_t> now_, found_, beyond_;
    std::vector<std::uint8_t> may_win_;
    std::vector<double> along_;
};

}  // namespace pimenton
