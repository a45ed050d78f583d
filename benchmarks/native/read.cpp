// Reads memory as fast as a core can: the measure that benchmarks/bandwidth.py holds decoding against.
#include <cstddef>
#include <cstdint>

namespace {

constexpr size_t kLine = 8;  // words of a cache line
constexpr size_t kStreams = 4;
constexpr size_t kAhead = 32 * kLine;

}  // namespace

// The bitwise or of `count` words, a multiple of kStreams * kLine, read in kStreams streams side by side.
extern "C" uint64_t midfill_read(const uint64_t *words, size_t count) {
    const size_t stride = count / kStreams;
    uint64_t seen[kStreams][kLine] = {};
    for (size_t at = 0; at < stride; at += kLine) {
        for (size_t stream = 0; stream < kStreams; ++stream) {
            const uint64_t *line = words + stream * stride + at;
            __builtin_prefetch(line + kAhead);
            for (size_t word = 0; word < kLine; ++word) seen[stream][word] |= line[word];
        }
    }
    uint64_t all = 0;
    for (const auto &stream : seen) {
        for (const uint64_t word : stream) all |= word;
    }
    return all;
}
