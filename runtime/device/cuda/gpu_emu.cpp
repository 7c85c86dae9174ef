// gpu_emu.cpp - the thin layer over host memory and the emulator; see gpu.h.
//
// Work is done as late as the rules allow: a stream keeps what it is given until somebody waits for
// it, so that a missing wait shows in the results. Device memory is poisoned with NaN bits and ends
// at a guard page. INGOT_EMU_FAULT makes calls fail, a list of
//
//     driver:none driver:old devices:N cc:60 memory:BYTES
//     alloc:N    the Nth allocation of device memory finds none (from 1; once)
//     launch:N   the Nth launch fails, and with it all that comes after until the device is reset
//     lost:N     the same for the Nth call of any kind
//
// read again whenever devices are counted; counters begin anew when the text has changed.
// INGOT_EMU_TIMES is what clocks show: a list of microseconds, from one event to the next in turn;
// without it 1000 always.
#include "runtime/device/cuda/gpu.h"
#include "kernels/cuda/ptx.cuh"

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

const char gpu_build[] = "emulator";
const bool gpu_emulated = true;

namespace
{

struct Faults {
    std::string text;
    bool no_driver = false, old_driver = false;
    int devices = 1, cc = 90;
    size_t memory = (size_t)1 << 30;
    long alloc = 0, launch = 0, lost = 0; // counting down; 0: never
};

typedef std::vector<std::function<void()>> Work;

// A stream belongs to one thread at a time, but others may wait for its events.
struct Queue {
    std::mutex lock;
    Work work;
    uint64_t done = 0; // of all that was ever given; work holds what comes after

    uint64_t given() { return done + work.size(); }
    void run_to(uint64_t at)
    {
        std::lock_guard<std::mutex> hold(lock);
        size_t n = 0;
        for (; done < at; done++) work[n++]();
        work.erase(work.begin(), work.begin() + (long)n);
    }
    void drop() // the device is lost: what it was given is never done
    {
        std::lock_guard<std::mutex> hold(lock);
        done += work.size();
        work.clear();
    }
};
struct Stream : emu::Stream { // `record` is where the emulator puts launches
    std::shared_ptr<Queue> queue = std::make_shared<Queue>();
    Work recorded;
    Stream() { record = &queue->work; }
};
struct Event {
    std::shared_ptr<Queue> queue;
    uint64_t at = 0;
};

std::mutex g_lock;
Faults g_faults;
size_t g_live; // bytes of device memory
bool g_broken; // until reset
std::unordered_map<void *, size_t> g_sizes;

enum { DRIVER = 13000, OLD_DRIVER = 11040, RUNTIME = 13000, L2 = 1 << 16 };

// "name:" within the list; nullptr: not there.
const char *value_of(const std::string &list, const char *name)
{
    const size_t n = strlen(name);
    for (size_t at = 0; at < list.size();) {
        if (!list.compare(at, n, name) && list[at + n] == ':') return list.c_str() + at + n + 1;
        at = list.find(',', at);
        if (at != std::string::npos) at++;
    }
    return nullptr;
}

void read_number(long *out, const std::string &list, const char *name)
{
    if (const char *v = value_of(list, name)) *out = strtol(v, nullptr, 10);
}

void read_faults()
{
    const char *env = getenv("INGOT_EMU_FAULT");
    const std::string text = env ? env : "";
    std::lock_guard<std::mutex> hold(g_lock);
    if (text == g_faults.text) return;
    Faults f;
    f.text = text;
    const char *driver = value_of(text, "driver");
    f.no_driver = driver && !strncmp(driver, "none", 4);
    f.old_driver = driver && !strncmp(driver, "old", 3);
    long devices = f.devices, cc = f.cc, memory = (long)f.memory;
    read_number(&devices, text, "devices");
    read_number(&cc, text, "cc");
    read_number(&memory, text, "memory");
    f.devices = (int)devices, f.cc = (int)cc, f.memory = (size_t)memory;
    read_number(&f.alloc, text, "alloc");
    read_number(&f.launch, text, "launch");
    read_number(&f.lost, text, "lost");
    g_faults = f;
    g_broken = false;
}

// One call more; the error that it shall have.
int call()
{
    std::lock_guard<std::mutex> hold(g_lock);
    if (g_faults.lost && !--g_faults.lost) g_broken = true;
    return g_broken ? GPU_E_LOST : 0;
}

int launch()
{
    if (const int e = call()) return e;
    std::lock_guard<std::mutex> hold(g_lock);
    if (!g_faults.launch || --g_faults.launch) return 0;
    g_broken = true;
    return GPU_E_LAUNCH;
}

const bool g_hooked = (emu::g_fault = launch, true);

Stream *of(cu_stream s) { return (Stream *)s; }
Event *of(gpu_event e) { return (Event *)e; }

template <class F> int give_work(cu_stream s, F work)
{
    if (const int e = call()) return e;
    std::lock_guard<std::mutex> hold(of(s)->queue->lock);
    of(s)->record->push_back(work);
    return 0;
}

size_t pages_of(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

} // namespace

int emu_give(cu_stream s, std::function<void()> work) { return give_work(s, std::move(work)); }

const char *gpu_text(int error)
{
    switch (error) {
    case 0:
        return "no error";
    case GPU_E_MEMORY:
        return "out of memory";
    case GPU_E_OLD_DRIVER:
        return "CUDA driver version is insufficient for CUDA runtime version";
    case GPU_E_NO_DEVICE:
        return "no CUDA-capable device is detected";
    case GPU_E_LOST:
        return "CUDA-capable device(s) is/are busy or unavailable";
    case GPU_E_LAUNCH:
        return "unspecified launch failure";
    default:
        return "invalid argument";
    }
}

// ---- devices ----

void gpu_versions(int *driver, int *runtime)
{
    read_faults();
    *driver = g_faults.no_driver ? 0 : g_faults.old_driver ? OLD_DRIVER : DRIVER;
    *runtime = RUNTIME;
}

int gpu_count(int *n)
{
    read_faults();
    *n = 0;
    if (!g_hooked) return GPU_E_ARG;
    if (g_faults.no_driver || g_faults.old_driver) return GPU_E_OLD_DRIVER;
    if (!g_faults.devices) return GPU_E_NO_DEVICE;
    *n = g_faults.devices;
    return 0;
}

int gpu_describe(int ordinal, gpu_info *info)
{
    if (const int e = call()) return e;
    const cu_chip chip = cu_this_chip();
    snprintf(info->name, sizeof info->name, "emulated device %d", ordinal);
    info->cc = g_faults.cc;
    info->processors = chip.processors;
    info->l2_bytes = L2;
    std::lock_guard<std::mutex> hold(g_lock);
    info->total_bytes = g_faults.memory;
    info->free_bytes = g_faults.memory - std::min(g_live, g_faults.memory);
    return 0;
}

int gpu_use(int) { return call(); }

int gpu_reset(int)
{
    std::lock_guard<std::mutex> hold(g_lock);
    g_broken = false;
    return 0;
}

// ---- memory ----

int gpu_take(void **out, size_t bytes)
{
    *out = nullptr;
    if (const int e = call()) return e;
    std::lock_guard<std::mutex> hold(g_lock);
    if (g_faults.alloc && !--g_faults.alloc) return GPU_E_MEMORY;
    if (bytes > g_faults.memory || g_live > g_faults.memory - bytes) return GPU_E_MEMORY;
    const size_t body = pages_of(bytes), guard = pages_of(1);
    char *p = (char *)mmap(nullptr, body + guard, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return GPU_E_MEMORY;
    mprotect(p + body, guard, PROT_NONE);
    memset(p, 0xff, body);
    g_live += bytes;
    g_sizes[p] = bytes;
    *out = p;
    return 0;
}

void gpu_give(void *p)
{
    if (!p) return;
    std::lock_guard<std::mutex> hold(g_lock);
    const size_t bytes = g_sizes.at(p);
    g_sizes.erase(p);
    g_live -= bytes;
    munmap(p, pages_of(bytes) + pages_of(1));
}

int gpu_take_pinned(void **out, size_t bytes)
{
    *out = nullptr;
    if (const int e = call()) return e;
    *out = aligned_alloc(256, (bytes + 255) / 256 * 256);
    return *out ? 0 : (int)GPU_E_MEMORY;
}

void gpu_give_pinned(void *p) { free(p); }

// ---- work in order ----

int gpu_stream_open(cu_stream *out)
{
    *out = nullptr;
    if (const int e = call()) return e;
    *out = (cu_stream)(emu::Stream *)new Stream;
    return 0;
}

void gpu_stream_close(cu_stream s)
{
    if (!s) return;
    (void)gpu_stream_wait(s);
    delete of(s);
}

int gpu_stream_wait(cu_stream s)
{
    const int e = call();
    if (e)
        of(s)->queue->drop();
    else
        of(s)->queue->run_to(of(s)->queue->given());
    return e;
}

int gpu_copy(cu_stream s, void *to, const void *from, size_t bytes, gpu_way)
{
    return give_work(s, [=] { memcpy(to, from, bytes); });
}

int gpu_clear(cu_stream s, void *p, size_t bytes)
{
    return give_work(s, [=] { memset(p, 0, bytes); });
}

int gpu_event_open(gpu_event *out)
{
    *out = nullptr;
    if (const int e = call()) return e;
    *out = (gpu_event) new Event;
    return 0;
}

void gpu_event_close(gpu_event e) { delete of(e); }

int gpu_event_record(gpu_event e, cu_stream s)
{
    if (const int error = call()) return error;
    std::lock_guard<std::mutex> hold(of(s)->queue->lock);
    *of(e) = Event{of(s)->queue, of(s)->queue->given()};
    return 0;
}

int gpu_event_wait(gpu_event e)
{
    if (const int error = call()) return error;
    if (of(e)->queue) of(e)->queue->run_to(of(e)->at);
    return 0;
}

int gpu_stream_after(cu_stream s, gpu_event e)
{
    const Event at = *of(e); // as it is now: it may be recorded again before s comes here
    return give_work(s, [=] {
        if (at.queue) at.queue->run_to(at.at);
    });
}

int gpu_clock_open(gpu_event *out) { return gpu_event_open(out); }

int gpu_event_between(float *ms, gpu_event, gpu_event)
{
    static std::string list;
    static const char *next;
    if (const int e = call()) return e;
    const char *env = getenv("INGOT_EMU_TIMES");
    std::lock_guard<std::mutex> hold(g_lock);
    *ms = 1;
    if (!env || !*env) return 0;
    if (list != env || !*next) list = env, next = list.c_str();
    char *end;
    *ms = strtof(next, &end) * 1e-3f;
    next = *end ? end + 1 : end;
    return 0;
}

// ---- recording ----

int gpu_record_begin(cu_stream s)
{
    if (const int e = call()) return e;
    of(s)->record = &of(s)->recorded;
    return 0;
}

int gpu_record_end(cu_stream s, gpu_graph *out)
{
    *out = nullptr;
    Work work = std::move(of(s)->recorded);
    of(s)->recorded.clear();
    of(s)->record = &of(s)->queue->work;
    if (const int e = call()) return e;
    *out = (gpu_graph) new Work(std::move(work));
    return 0;
}

int gpu_graph_replay(gpu_graph g, cu_stream s)
{
    if (const int e = launch()) return e;
    const Work *work = (const Work *)g; // it outlives the wait that follows
    return give_work(s, [=] {
        for (auto &f : *work) f();
    });
}

void gpu_graph_close(gpu_graph g) { delete (Work *)g; }
