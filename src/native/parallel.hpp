// Work is cut into chunks whose size never depends on the number of threads; whoever sums does so
// per chunk, and adds the chunks in order. So the result is the same for any number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace pimenton {

// Calls body(chunk) once for each chunk in [0, n_chunks), on up to n_threads threads, this one
// included. The body must not throw.
template <class Body>
void for_each_chunk(std::size_t n_chunks, int n_threads, Body body) {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t chunk = next++; chunk < n_chunks; chunk = next++) body(chunk);
    };
    std::vector<std::thread> others;
    const auto wanted = std::min(static_cast<std::size_t>(std::max(n_threads, 1)), n_chunks);
    for (std::size_t t = 1; t < wanted; ++t) others.emplace_back(work);
    work();
    for (auto& thread : others) thread.join();
}

inline std::size_t chunks_of(std::size_t n, std::size_t size) { return (n + size - 1) / size; }

}  // namespace pimenton
