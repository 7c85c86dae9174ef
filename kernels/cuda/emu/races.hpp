// races.hpp - the race detector. Built with -fsanitize=thread, every CUDA thread is a thread of
// ThreadSanitizer's: ordinary accesses of kernels to shared and global memory are then checked by
// happens-before (Serebryany and Iskhodzhanov 2009), and what orders CUDA threads is told to it
// here.
//
//   orders        barriers, __syncwarp, mbarriers, starts and ends of grids, and an atomic after
//                 px_fence with a px_fence after an atomic
//   orders not    shuffles, votes, matrix instructions, atomics by themselves, blocks among
//   themselves
//
// The emulator's own work is quiet: it is not looked at. Otherwise all of this is nothing.
#pragma once
#include <cstddef>

#ifdef __SANITIZE_THREAD__
#    define EMU_RACES 1
extern "C" {
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned);
void __tsan_switch_to_fiber(void *, unsigned);
void __tsan_acquire(void *);
void __tsan_release(void *);
void __tsan_read_range(void *, long);
void __tsan_write_range(void *, long);
void AnnotateIgnoreReadsBegin(const char *, int);
void AnnotateIgnoreReadsEnd(const char *, int);
void AnnotateIgnoreWritesBegin(const char *, int);
void AnnotateIgnoreWritesEnd(const char *, int);
void AnnotateBenignRaceSized(const char *, int, const volatile void *, size_t, const char *);
}
#endif

namespace emu
{

#ifdef EMU_RACES
inline void quiet_begin()
{
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}
inline void quiet_end()
{
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}
inline void *racer_now() { return __tsan_get_current_fiber(); }
inline void *racer_new() { return __tsan_create_fiber(0); }
inline void racer_switch(void *racer) { __tsan_switch_to_fiber(racer, 1); } // 1: orders nothing
inline void race_acquire(const void *what) { __tsan_acquire(const_cast<void *>(what)); }
inline void race_release(const void *what) { __tsan_release(const_cast<void *>(what)); }
// Accesses of the running thread that a copy or a matrix instruction makes for it. Not while quiet.
inline void race_read(const void *p, size_t n)
{
    if (n) __tsan_read_range(const_cast<void *>(p), (long)n);
}
inline void race_write(void *p, size_t n)
{
    if (n) __tsan_write_range(p, (long)n);
}
// Atomics and ordinary accesses to one number keep their order: the last to take a ticket may clear
// it.
inline void race_coherent(const void *p, size_t n)
{
    AnnotateBenignRaceSized(__FILE__, __LINE__, p, n, "an atomic's address");
}
#else
inline void race_coherent(const void *, size_t) {}
inline void quiet_begin() {}
inline void quiet_end() {}
inline void *racer_now() { return nullptr; }
inline void *racer_new() { return nullptr; }
inline void racer_switch(void *) {}
inline void race_acquire(const void *) {}
inline void race_release(const void *) {}
inline void race_read(const void *, size_t) {}
inline void race_write(void *, size_t) {}
#endif
struct Quiet {
    Quiet() { quiet_begin(); }
    ~Quiet() { quiet_end(); }
};

} // namespace emu
