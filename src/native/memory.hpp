// How memory that was freed is kept.
#pragma once

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace pimenton {

// Keeps some of the memory that work on one picture frees for the next one. By itself glibc gives
// arrays of a few megabytes back at once, and has the system clear new pages for the next ones: half
// of the time in which a picture of 512 x 512 pixels is counted. These are the limits that it comes to
// itself in a process that has freed an array of 32 MiB.
inline void keep_freed_memory() {
#if defined(__GLIBC__)
    constexpr int most_kept = 64 << 20;
    mallopt(M_MMAP_THRESHOLD, most_kept / 2);
    mallopt(M_TRIM_THRESHOLD, most_kept);
#endif
}

}  // namespace pimenton
