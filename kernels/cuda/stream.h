/* stream.h - the stream that launchers of CUDA kernels take: a cudaStream_t, or the emulator's.
 *
 * A launcher `int cu_NAME(const cu_NAME_args *, cu_stream)` starts its kernels and returns: 0, or
 * the CUDA runtime's error number. It never allocates or waits, and can be recorded in a graph.
 * NULL is the default stream; under emulation its kernels have run when the launcher returns. */
#ifndef CU_STREAM_H
#define CU_STREAM_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cu_stream_st *cu_stream;

/* Bytes of dynamic shared memory a block may have and multiprocessors of the current device, asked
 * once; under emulation those of an H200, with 4 multiprocessors, and emu::g_cc. */
typedef struct {
    int cc, processors, shared_bytes; /* cc: 10 * major + minor */
} cu_chip;
cu_chip cu_this_chip(void);

#ifdef __cplusplus
}
#endif

#endif
