/* fault.h - how a kernel tells that data point nowhere: an index outside its dimension, a length
 * beyond its sequence.
 *
 * Such a kernel reads and writes nothing outside, fills in something harmless and goes on; the
 * first thread that finds one since the record was cleared takes it and describes what it found.
 * The record lies in pinned host memory, which devices address as it is: as long as nothing is
 * wrong nobody touches it and nothing is copied, and whoever waited for the kernel's stream reads
 * it. */
#ifndef CU_FAULT_H
#define CU_FAULT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    unsigned long long owner; /* cookie of the launch that found it, 0: nothing is wrong */
    int64_t at;               /* which element of the tensor that is wrong */
    int64_t value;            /* what it is, of integers */
    double real;              /* ... of floats */
    int32_t kind;             /* where a kernel looks for more than one thing: its own number */
} cu_fault;

/* What a launch is given; record NULL: nobody asks. */
typedef struct {
    cu_fault *record;
    unsigned long long cookie; /* not 0; told back */
} cu_fault_to;

#ifdef __cplusplus
}
#endif

#endif
