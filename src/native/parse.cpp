// The one part of the kernel that is compiled alone: its loops of sixteen must not be unrolled before
// the compiler looks for vectors (see CMakeLists.txt).
#include "parse.hpp"

#include <memory>
#include <vector>

#include "parallel.hpp"
#include "parse_rows.hpp"

namespace pimenton {

// Writes the indices, and gives the bits that deflate is expected to need for them. Bands of rows are
// parsed on their own, so the result depends on rows_per_band, and not on the threads.
double parse(const ParseInput& input, const ParseChoices& choices,
                    std::span<const double> shares, std::size_t rows_per_band,
                    std::span<std::uint8_t> indices, int n_threads, Width width) {
    const auto prior = prior_counts(shares);
    const bool has_opacity = varies(input.points, 3) || varies(input.entries, 3);
    std::vector<double> bits(chunks_of(input.height, rows_per_band));
    for_each_chunk(bits.size(), n_threads, [&](std::size_t band) {
        const std::size_t first = band * rows_per_band;
        const std::size_t n_rows = std::min(rows_per_band, input.height - first);
        auto state = std::make_unique<ParseState>(input, choices, n_rows, prior);
        auto* out = indices.data() + input.width * first;
        if (has_opacity)
            run<ParseBand<4>>(width, state.get(), first, n_rows, out);
        else
            run<ParseBand<3>>(width, state.get(), first, n_rows, out);
        bits[band] = bits_needed(state->counts, prior);
    });
    double sum = 0;
    for (const double band : bits) sum += band;
    return sum;
}

}  // namespace pimenton
