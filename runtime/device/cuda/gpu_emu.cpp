// gpu_emu.cpp - the thin layer over host memory and the emulator; see gpu.h.
//
// Work is done as late as the rules allow: a stream keeps what it is given until somebody waits for
// it, so that a missing wait shows in the results. Device memory is poisoned with NaN bits and ends
// at a guard page. INGOT_EMU_FAULT makes calls fail, a list of
//
//     driver:none driver:old devices:N cc:60 memory:BYTES
//     alloc:N    the Nth allocation of device memory finds none (from 1; once)
//     launch:N   the Nth launch fails, and with it all that its device is asked for until its reset
//     lost:N     the same for the Nth call of any kind
//     record:N   the same for the end of the Nth recording
//     error:E    which error launch, lost and record give; one that loses no device fails that call
//                alone
//     sum:N      the Nth sum among devices fails in their library
//
// read again whenever devices are counted; counters begin anew when the text has changed. A device
// is the calling thread's, as it is the runtime's: work for another one's stream is refused. A
// reset while anything of the device is in use ends the program, since the runtime would take it
// away.
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
    long alloc = 0, launch = 0, lost = 0, record = 0, sum = 0; // counting down; 0: never
    long error = 0;                                            // 0: each its own
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

enum { DEVICES = 64 };
std::mutex g_lock;
Faults g_faults;
size_t g_live[DEVICES]; // bytes of memory
int g_broken[DEVICES];  // the error that all calls have until the reset
std::atomic<long> g_objects[DEVICES];
thread_local int t_device;

// What a context has, and a reset would take away.
struct Object {
    const int device = t_device;
    Object() { g_objects[device]++; }
    Object(const Object &) : Object() {}
    Object &operator=(const Object &) { return *this; }
    ~Object() { g_objects[device]--; }
};
struct Block : Object {
    size_t bytes = 0;
};
std::unordered_map<void *, Block> g_blocks, g_pinned;

struct Stream : emu::Stream, Object { // `record` is where the emulator puts launches
    std::shared_ptr<Queue> queue = std::make_shared<Queue>();
    Work recorded;
    Stream() { record = &queue->work; }
};
struct Place { // in a stream's work
    std::shared_ptr<Queue> queue;
    uint64_t at = 0;
};
struct Event : Object {
    Place place;
};
struct Graph : Object {
    Work work;
};

enum { DRIVER = 13000, OLD_DRIVER = 11040, RUNTIME = 13000, L2 = 1 << 16 };
enum { E_HANDLE = 400, E_CAPTURE = 900 };

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
    f.devices = (int)std::min(devices, (long)DEVICES), f.cc = (int)cc, f.memory = (size_t)memory;
    read_number(&f.alloc, text, "alloc");
    read_number(&f.launch, text, "launch");
    read_number(&f.lost, text, "lost");
    read_number(&f.record, text, "record");
    read_number(&f.error, text, "error");
    read_number(&f.sum, text, "sum");
    g_faults = f;
    memset(g_broken, 0, sizeof g_broken);
}

// One call more of those that are counted down in *n; the error that it shall have.
int count_down(long *n, int own_error)
{
    std::lock_guard<std::mutex> hold(g_lock);
    if (g_broken[t_device]) return g_broken[t_device];
    if (!*n || --*n) return 0;
    const int e = g_faults.error ? (int)g_faults.error : own_error;
    if (gpu_kind_of(e) == GPU_LOST) g_broken[t_device] = e;
    return e;
}

int call() { return count_down(&g_faults.lost, GPU_E_LOST); }

int launch()
{
    const int e = call();
    return e ? e : count_down(&g_faults.launch, GPU_E_LAUNCH);
}

const bool g_hooked = (emu::g_fault = launch, true);

Stream *of(cu_stream s) { return (Stream *)s; }
Event *of(gpu_event e) { return (Event *)e; }

template <class F> int give_work(cu_stream s, F work)
{
    if (const int e = call()) return e;
    if (of(s)->device != t_device) return E_HANDLE;
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

bool emu_sum_fails()
{
    std::lock_guard<std::mutex> hold(g_lock);
    return g_faults.sum && !--g_faults.sum;
}

const char *gpu_text(int error)
{
    static const struct {
        int error;
        const char *text;
    } texts[] = {{0, "no error"},
                 {GPU_E_ARG, "invalid argument"},
                 {GPU_E_MEMORY, "out of memory"},
                 {9, "invalid configuration argument"},
                 {GPU_E_OLD_DRIVER, "CUDA driver version is insufficient for CUDA runtime version"},
                 {GPU_E_LOST, "CUDA-capable device(s) is/are busy or unavailable"},
                 {GPU_E_NO_DEVICE, "no CUDA-capable device is detected"},
                 {209, "no kernel image is available for execution on the device"},
                 {214, "uncorrectable ECC error encountered"},
                 {E_HANDLE, "invalid resource handle"},
                 {GPU_E_NOT_READY, "device not ready"},
                 {700, "an illegal memory access was encountered"},
                 {GPU_E_LAUNCH, "unspecified launch failure"},
                 {801, "operation not supported"},
                 {E_CAPTURE, "operation not permitted when stream is capturing"}};
    if (error >= GPU_E_COMM) return gpu_comm_text(error);
    for (const auto &t : texts)
        if (t.error == error) return t.text;
    return "unknown error";
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
    if (const int e = gpu_use(ordinal)) return e;
    const cu_chip chip = cu_this_chip();
    snprintf(info->name, sizeof info->name, "emulated device %d", ordinal);
    info->cc = g_faults.cc;
    info->processors = chip.processors;
    info->l2_bytes = L2;
    std::lock_guard<std::mutex> hold(g_lock);
    info->total_bytes = g_faults.memory;
    info->free_bytes = g_faults.memory - std::min(g_live[ordinal], g_faults.memory);
    return 0;
}

int gpu_use(int ordinal)
{
    t_device = ordinal;
    return call();
}

int gpu_reset(int ordinal)
{
    std::lock_guard<std::mutex> hold(g_lock);
    if (g_objects[ordinal]) {
        fprintf(stderr, "emulator: device %d is reset, %ld objects on it are in use\n", ordinal,
                g_objects[ordinal].load());
        abort();
    }
    g_broken[ordinal] = 0;
    return 0;
}

// ---- memory ----

// The poison. Pages of device memory are those of this file until they are written, so that a slab
// costs no more than what is used of it.
enum : size_t { POISON_BYTES = 1 << 20 };
static int poison()
{
    static const int file = [] {
        const std::vector<char> nan(POISON_BYTES, '\xff');
        const int fd = memfd_create("poison", MFD_CLOEXEC);
        if (fd < 0 || write(fd, nan.data(), POISON_BYTES) != (ssize_t)POISON_BYTES) {
            perror("emulated device: its poison");
            abort();
        }
        return fd;
    }();
    return file;
}

// bytes: whole pages
static bool map_poison(char *p, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += POISON_BYTES)
        if (mmap(p + at, std::min<size_t>(POISON_BYTES, bytes - at), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, poison(), 0) == MAP_FAILED)
            return false;
    return true;
}

int gpu_take(void **out, size_t bytes)
{
    *out = nullptr;
    if (const int e = call()) return e;
    std::lock_guard<std::mutex> hold(g_lock);
    if (g_faults.alloc && !--g_faults.alloc) return GPU_E_MEMORY;
    if (bytes > g_faults.memory || g_live[t_device] > g_faults.memory - bytes) return GPU_E_MEMORY;
    const size_t body = pages_of(bytes), guard = pages_of(1);
    char *p = (char *)mmap(nullptr, body + guard, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return GPU_E_MEMORY;
    if (!map_poison(p, body)) {
        munmap(p, body + guard);
        return GPU_E_MEMORY;
    }
    g_live[t_device] += bytes;
    g_blocks[p].bytes = bytes;
    *out = p;
    return 0;
}

void gpu_give(void *p)
{
    if (!p) return;
    std::lock_guard<std::mutex> hold(g_lock);
    const Block &b = g_blocks.at(p);
    g_live[b.device] -= b.bytes;
    munmap(p, pages_of(b.bytes) + pages_of(1));
    g_blocks.erase(p);
}

int gpu_take_pinned(void **out, size_t bytes)
{
    *out = nullptr;
    if (const int e = call()) return e;
    *out = aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!*out) return GPU_E_MEMORY;
    std::lock_guard<std::mutex> hold(g_lock);
    g_pinned[*out].bytes = bytes;
    return 0;
}

void gpu_give_pinned(void *p)
{
    std::lock_guard<std::mutex> hold(g_lock);
    g_pinned.erase(p);
    free(p);
}

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

int gpu_copy_rows(cu_stream s, void *to, size_t to_pitch, const void *from, size_t from_pitch,
                  size_t bytes, size_t rows)
{
    if (bytes > to_pitch || bytes > from_pitch) return GPU_E_ARG;
    return give_work(s, [=] {
        for (size_t r = 0; r < rows; r++)
            memcpy((char *)to + r * to_pitch, (const char *)from + r * from_pitch, bytes);
    });
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
    if (of(s)->device != of(e)->device) return E_HANDLE;
    std::lock_guard<std::mutex> hold(of(s)->queue->lock);
    of(e)->place = {of(s)->queue, of(s)->queue->given()};
    return 0;
}

int gpu_event_wait(gpu_event e)
{
    if (const int error = call()) return error;
    const Place &p = of(e)->place;
    if (p.queue) p.queue->run_to(p.at);
    return 0;
}

int gpu_event_ask(gpu_event e)
{
    if (const int error = call()) return error;
    const Place &p = of(e)->place;
    if (!p.queue) return 0;
    std::lock_guard<std::mutex> hold(p.queue->lock);
    return p.queue->done < p.at ? GPU_E_NOT_READY : 0;
}

int gpu_stream_after(cu_stream s, gpu_event e)
{
    const Place at = of(e)->place; // as it is now: it may be recorded again before s comes here
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
    if (const int e = count_down(&g_faults.record, E_CAPTURE)) return e;
    Graph *g = new Graph;
    g->work = std::move(work);
    *out = (gpu_graph)g;
    return 0;
}

int gpu_graph_replay(gpu_graph g, cu_stream s)
{
    if (const int e = launch()) return e;
    const Work *work = &((const Graph *)g)->work; // it outlives the wait that follows
    return give_work(s, [=] {
        for (auto &f : *work) f();
    });
}

void gpu_graph_close(gpu_graph g) { delete (Graph *)g; }
