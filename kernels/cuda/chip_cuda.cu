// chip_cuda.cu - what launchers choose by; see stream.h.
#include "kernels/cuda/launch.cuh"

extern "C" cu_chip cu_this_chip(void)
{
#ifdef IGT_EMU
    return cu_chip{emu::g_cc, 4, 232448};
#else
    enum { MOST = 64 };
    static cu_chip chips[MOST];
    int device = 0;
    if (cudaGetDevice(&device) != cudaSuccess || device < 0 || device >= MOST) return cu_chip{};
    cu_chip &c = chips[device]; // the same values whoever writes them first
    if (c.cc) return c;
    int major = 0, minor = 0;
    cudaDeviceGetAttribute(&c.processors, cudaDevAttrMultiProcessorCount, device);
    cudaDeviceGetAttribute(&c.shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
    c.cc = major * 10 + minor;
    return c;
#endif
}
