// The one part of the kernel that is compiled alone: its loops of sixteen must not be unrolled before
// the compiler looks for vectors (see CMakeLists.txt).
#include "parse.hpp"

#include <memory>
#include <vector>

#include "parallel.hpp"
#include "parse_rows.hpp"

namespace pimenton {

Parsed parse(const ParseInput& input, const ParseChoices& choices,
             std::span<const double> shares, std::size_t rows_per_band,
             std::span<std::uint8_t> indices, int n_threads, Width width) {
    const Coding coding = choices.for_webp ? Coding::webp(input.width) : Coding{};
    const auto prior = prior_counts(shares, coding);
    const bool has_opacity = varies(input.points, 3) || varies(input.entries, 3);
    std::vector<Parsed> bands(chunks_of(input.height, rows_per_band));
    for_each_chunk(bands.size(), n_threads, [&](std::size_t band) {
        const std::size_t first = band * rows_per_band;
        const std::size_t n_rows = std::min(rows_per_band, input.height - first);
        auto state = std::make_unique<ParseState>(input, choices, coding, n_rows, prior, width);
        auto* out = indices.data() + input.width * first;
        if (has_opacity)
            run<ParseBand<4>>(width, state.get(), first, n_rows, out);
        else
            run<ParseBand<3>>(width, state.get(), first, n_rows, out);
        bands[band] = {std::move(state->tokens), bits_needed(state->counts, prior, coding)};
    });
    Parsed whole = std::move(bands[0]);
    for (std::size_t band = 1; band < bands.size(); ++band) {
        whole.tokens.insert(whole.tokens.end(), bands[band].tokens.begin(), bands[band].tokens.end());
        whole.bits += bands[band].bits;
    }
    return whole;
}

}  // namespace pimenton
