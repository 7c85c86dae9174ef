/* random.h - random numbers by counter: element i of a stream is a function of (key, i) alone, so
 * that results do not depend on threads. The function is SplitMix64's finaliser (Steele, Lea, Flood
 * 2014) over equidistant points. Not for secrets. */
#ifndef IG_OPS_RANDOM_H
#define IG_OPS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t ig_random_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t ig_random_at(uint64_t key, uint64_t i)
{
    return ig_random_mix(key + (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

/* [0, 1), 53 bits */
static inline double ig_random_uniform(uint64_t key, uint64_t i)
{
    return (double)(ig_random_at(key, i) >> 11) * 0x1p-53;
}

/* ig_random_key - the stream of a seed, or, unseeded, one that no other call gets. */
uint64_t ig_random_key(bool seeded, double seed);

#endif
