// How far points are from what serves them, and connected regions of marked pixels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nearest.hpp"

namespace pimenton {

// Squared distance of each point to its nearest centroid.
inline void nearest_distances(std::span<const float> points, std::span<const float> centroids,
                              std::span<float> distances, int n_threads, Width width) {
    std::vector<std::uint32_t> labels(distances.size());
    assign(points, centroids, labels, n_threads, width);
    for_each_chunk(chunks_of(labels.size(), chunk_size), n_threads, [&](std::size_t chunk) {
        const std::size_t last = std::min(labels.size(), (chunk + 1) * chunk_size);
        for (std::size_t i = chunk * chunk_size; i < last; ++i) {
            const float* p = points.data() + 4 * i;
            const float* c = centroids.data() + 4 * std::size_t{labels[i]};
            const float dx = p[0] - c[0], dy = p[1] - c[1], dz = p[2] - c[2], dw = p[3] - c[3];
            distances[i] = dx * dx + dy * dy + dz * dz + dw * dw;
        }
    });
}

// The marked pixels of a picture in the order of rows, and the region of each. Pixels that touch,
// corners included, are of one region; regions are numbered by their first pixels.
struct Regions {
    std::vector<std::int64_t> places;
    std::vector<std::uint32_t> numbers;
};

namespace detail {

// Marked pixels side by side: from `first` up to before `last` of a row.
struct Run {
    std::size_t first, last;
    std::uint32_t id;
};

class Sets {
   public:
    std::uint32_t add() {
        parents_.push_back(static_cast<std::uint32_t>(parents_.size()));
        return parents_.back();
    }

    std::uint32_t root(std::uint32_t id) {
        while (parents_[id] != id) id = parents_[id] = parents_[parents_[id]];
        return id;
    }

    // The root is always the lowest number, so that it belongs to the first run.
    void join(std::uint32_t a, std::uint32_t b) {
        a = root(a);
        b = root(b);
        if (a < b) parents_[b] = a;
        else parents_[a] = b;
    }

    std::size_t size() const { return parents_.size(); }

   private:
    std::vector<std::uint32_t> parents_;
};

}  // namespace detail

inline Regions find_regions(std::span<const std::uint8_t> mask, std::size_t width) {
    Regions found;
    detail::Sets sets;
    std::vector<detail::Run> above, here;
    for (std::size_t start = 0; start < mask.size(); start += width) {
        const std::uint8_t* row = mask.data() + start;
        std::size_t old = 0;
        here.clear();
        for (std::size_t x = 0; x < width; ++x) {
            if (!row[x]) continue;
            detail::Run run{x, x, sets.add()};
            for (; run.last < width && row[run.last]; ++run.last) {
                found.places.push_back(static_cast<std::int64_t>(start + run.last));
                found.numbers.push_back(run.id);
            }
            // Runs above that end before this one's left corner touch nothing that comes later.
            while (old < above.size() && above[old].last < run.first) ++old;
            for (std::size_t i = old; i < above.size() && above[i].first <= run.last; ++i)
                sets.join(above[i].id, run.id);
            x = run.last;
            here.push_back(run);
        }
        above.swap(here);
    }
    std::vector<std::uint32_t> number(sets.size());
    std::uint32_t n_regions = 0;
    for (std::uint32_t id = 0; id < sets.size(); ++id) {
        const std::uint32_t root = sets.root(id);
        number[id] = root == id ? n_regions++ : number[root];
    }
    for (auto& id : found.numbers) id = number[id];
    return found;
}

}  // namespace pimenton
