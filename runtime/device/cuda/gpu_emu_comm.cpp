// gpu_emu_comm.cpp - emulated devices that meet: work of their streams, which the threads that wait
// for them do together; see gpu.h. Sums are added in the order of ranks. A team is broken once,
// though any thread may say so, and is whole or broken from the start of a sum to its end.
#include "runtime/device/cuda/gpu.h"
#include "kernels/cuda/ptx.cuh"

#include <condition_variable>
#include <memory>
#include <mutex>

// gpu_emu.cpp: work of a stream, in order; the fault sum:N
int emu_give(cu_stream s, std::function<void()> work);
bool emu_sum_fails();

namespace
{

enum { FAULT = 3, REMOTE = 6 }; // results of NCCL's: internal error, remote error

struct Team {
    std::mutex lock;
    std::condition_variable changed;
    size_t n = 0, arrived = 0, round = 0;
    bool broken = false;
    std::vector<float *> v;

    void meet() // all, or until the team is broken
    {
        std::unique_lock<std::mutex> hold(lock);
        const size_t now = round;
        if (++arrived == n) {
            arrived = 0;
            round++;
            changed.notify_all();
        }
        changed.wait(hold, [&] { return broken || round != now; });
    }
};

} // namespace

struct gpu_comm_st {
    std::shared_ptr<Team> team;
    size_t rank;
};

const char *gpu_comm_missing(void)
{
    return getenv("INGOT_EMU_NO_COMM") ? "libnccl.so.2 is not installed" : nullptr;
}

const char *gpu_comm_text(int error)
{
    return error == GPU_E_COMM + FAULT ? "NCCL: internal error: asked for by INGOT_EMU_FAULT"
                                       : "NCCL: remote process exited or there was a network error";
}

int gpu_comms_open(gpu_comm *out, const int *, const cu_stream *, void *const *, size_t n)
{
    auto team = std::make_shared<Team>();
    team->n = n;
    team->v.resize(n);
    for (size_t i = 0; i < n; i++) out[i] = new gpu_comm_st{team, i};
    return 0;
}

void gpu_comms_close(gpu_comm *comms, size_t n)
{
    for (size_t i = 0; i < n; i++) delete comms[i];
}

int gpu_comm_sum(gpu_comm c, cu_stream s, float *v, size_t n)
{
    auto team = c->team;
    const size_t rank = c->rank;
    if (emu_sum_fails()) return GPU_E_COMM + FAULT;
    {
        std::lock_guard<std::mutex> hold(team->lock);
        if (team->broken) return GPU_E_COMM + REMOTE;
    }
    return emu_give(s, [=] {
        team->v[rank] = v;
        team->meet();
        std::vector<float> all(n);
        for (size_t r = 0; !team->broken && r < team->n; r++)
            for (size_t i = 0; i < n; i++) all[i] = r ? all[i] + team->v[r][i] : team->v[r][i];
        team->meet();
        if (!team->broken) memcpy(v, all.data(), n * sizeof *v);
    });
}

void gpu_comm_break(gpu_comm c)
{
    std::lock_guard<std::mutex> hold(c->team->lock);
    c->team->broken = true;
    c->team->changed.notify_all();
}
