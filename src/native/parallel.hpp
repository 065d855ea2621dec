// Work is cut into chunks whose size never depends on the number of threads; whoever sums does so
// per chunk, and adds the chunks in order. So the result is the same for any number of threads.
//
// Between chunks the thread that a call came in on asks whether to go on, so that long work can be
// broken off; the other threads then end at their next chunk.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace pimenton {

// Thrown where work is broken off; what it was to compute is void.
struct Interrupted {};

// What this thread asks between chunks; it throws Interrupted to end the work. Empty: go on always.
inline std::function<void()>& question() {
    thread_local std::function<void()> asked;
    return asked;
}

// To be called now and then by work that is not cut into chunks.
inline void ask_to_go_on() {
    if (const auto& ask = question()) ask();
}

// Calls body(chunk), or body(chunk, worker) with the number of the thread, once for each chunk in
// [0, n_chunks), on up to n_threads threads, this one included. The body must throw nothing but
// Interrupted, which is thrown again here.
template <class Body>
void for_each_chunk(std::size_t n_chunks, int n_threads, Body body) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> interrupted{false};
    const auto ask_others = [&] {
        if (interrupted) throw Interrupted{};
    };
    const auto guarded = [&](auto work) {
        try {
            work();
        } catch (const Interrupted&) {
            interrupted = true;
            next = n_chunks;
        }
    };
    const auto work = [&](std::size_t worker) {
        guarded([&] {
            for (std::size_t chunk = next++; chunk < n_chunks; chunk = next++) {
                ask_to_go_on();
                if constexpr (std::is_invocable_v<Body, std::size_t, std::size_t>)
                    body(chunk, worker);
                else
                    body(chunk);
            }
        });
    };
    const auto wanted = std::min(static_cast<std::size_t>(std::max(n_threads, 1)), n_chunks);
    std::size_t n_running = wanted > 0 ? wanted - 1 : 0;
    std::mutex mutex;
    std::condition_variable ended;
    std::vector<std::thread> others;
    for (std::size_t worker = 1; worker < wanted; ++worker)
        others.emplace_back([&, worker] {
            question() = ask_others;
            work(worker);
            const std::lock_guard lock(mutex);
            --n_running;
            ended.notify_one();
        });
    work(0);
    if (question()) {
        // The others may be long with what they have begun.
        const auto all_ended = [&] { return n_running == 0; };
        std::unique_lock lock(mutex);
        while (!ended.wait_for(lock, std::chrono::milliseconds(20), all_ended)) {
            lock.unlock();
            guarded(ask_to_go_on);
            lock.lock();
        }
    }
    for (auto& thread : others) thread.join();
    if (interrupted) throw Interrupted{};
}

inline std::size_t chunks_of(std::size_t n, std::size_t size) { return (n + size - 1) / size; }

}  // namespace pimenton
