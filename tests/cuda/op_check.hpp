// op_check.hpp - a device op beside the CPU's: the same values, under every schedule of the
// emulator.
#pragma once
#include "runtime/ingot.h"
#include "tests/cuda/harness.hpp"
#include "tests/cuda/op_case.h"

#include <initializer_list>
#include <string>

namespace cuda_test
{

// A tensor of a test, with values that the dtype holds.
struct Tensor {
    op_input in{};
    std::vector<char> bytes;
    Tensor() {}
    Tensor(int dtype, std::vector<int64_t> dims, bool constant = false)
    {
        in.dtype = dtype;
        in.rank = (int)dims.size();
        for (size_t i = 0; i < dims.size(); i++) in.dims[i] = dims[i];
        in.constant = constant;
        bytes.resize(n() * op_dtype_bytes(dtype) + 16);
    }
    size_t n() const
    {
        size_t count = 1;
        for (int i = 0; i < in.rank; i++) count *= (size_t)in.dims[i];
        return count;
    }
    void set(size_t i, double v) { op_set(bytes.data(), in.dtype, i, v); }
    double get(size_t i) const { return op_value(bytes.data(), in.dtype, i); }
    template <class F> Tensor &fill(F f)
    {
        for (size_t i = 0; i < n(); i++) set(i, f(i));
        return *this;
    }
    // Uniform in [-scale, scale).
    Tensor &random(double scale = 1)
    {
        return fill([&](size_t) { return uniform() * scale; });
    }
    // Any bits of the dtype's own.
    Tensor &any_bits()
    {
        for (size_t i = 0; i < n(); i++) {
            const uint64_t r = bits();
            if (in.dtype == INGOT_BOOL)
                bytes[i] = r & 1;
            else if (in.dtype >= INGOT_F4E2M1) // fewer than 8 bits in a byte
                set(i, (double)((int64_t)(r % 31) - 15));
            else
                memcpy(&bytes[i * op_dtype_bytes(in.dtype)], &r, op_dtype_bytes(in.dtype));
        }
        return *this;
    }
};

inline op_attribute attribute(const char *name, int64_t v)
{
    return {name, op_attribute::OP_INT, v, 0, "", nullptr, 0};
}
inline op_attribute attribute(const char *name, int v) { return attribute(name, (int64_t)v); }
inline op_attribute attribute(const char *name, double v)
{
    return {name, op_attribute::OP_FLOAT, 0, v, "", nullptr, 0};
}
inline op_attribute attribute(const char *name, const char *v)
{
    return {name, op_attribute::OP_TEXT, 0, 0, v, nullptr, 0};
}
// The list lives as long as the attribute is used.
inline op_attribute attribute(const char *name, std::vector<int64_t> &v)
{
    return {name, op_attribute::OP_INTS, 0, 0, "", v.data(), v.size()};
}

inline bool same_value(double want, double got, double tolerance)
{
    if (want != want || got != got) return want != want && got != got;
    return want == got || fabs(want - got) <= tolerance * (1 + fabs(want));
}

// tolerance: of floats, times 1 + |value|; 0: the same values. Integers are the same. modes: how
// many schedules (1 where a kernel's threads share nothing).
inline bool op_agrees(const std::string &what, const char *op, std::vector<op_attribute> attributes,
                      std::vector<Tensor> tensors, size_t n_out, double tolerance, int n_modes = 10,
                      unsigned omitted = 0, int fast = 0)
{
    std::vector<op_input> in;
    for (Tensor &t : tensors) {
        t.in.data = t.bytes.data();
        in.push_back(t.in);
    }
    const op_case c = {
        op, attributes.data(), attributes.size(), in.data(), in.size(), n_out, omitted, fast};
    op_output want[OP_CASE_MOST] = {}, got[OP_CASE_MOST] = {}, first[OP_CASE_MOST] = {};
    char text[256] = "";
    bool ok = true;
    if (op_on_cpu(&c, want, text, sizeof text) != OP_DONE)
        return check(false, "%s: the CPU says: %s", what.c_str(), text);
    for (int m = 0; m < n_modes && ok; m++) {
        emu::g_mode = modes[m];
        const op_result r = op_on_device(&c, got, text, sizeof text);
        if (r != OP_DONE)
            return check(false, "%s: %s: %s", what.c_str(),
                         r == OP_DECLINED ? "declined" : "failed", text);
        for (size_t o = 0; o < n_out && ok; o++) {
            if (omitted >> o & 1) continue;
            ok = check(got[o].n == want[o].n && got[o].dtype == want[o].dtype,
                       "%s: output %zu: shape", what.c_str(), o);
            if (m == 0) first[o] = got[o];
            ok = ok &&
                 check(!memcmp(first[o].data, got[o].data, got[o].bytes),
                       "%s: output %zu: other bits in mode %s", what.c_str(), o, modes[m].name);
            const double t = op_is_float(want[o].dtype) ? tolerance : 0;
            for (size_t i = 0; m == 0 && ok && i < want[o].n; i++) {
                const double w = op_value(want[o].data, want[o].dtype, i);
                const double g = op_value(got[o].data, got[o].dtype, i);
                ok = check(same_value(w, g, t), "%s: output %zu [%zu] is %.17g, the CPU's %.17g",
                           what.c_str(), o, i, g, w);
                checks -= ok; // one check an output
            }
            checks++;
        }
    }
    op_case_clear();
    return ok;
}

// The CPU ends with an error, and the device with the same one.
inline bool op_refuses(const std::string &what, const char *op,
                       std::vector<op_attribute> attributes, std::vector<Tensor> tensors,
                       size_t n_out = 1)
{
    std::vector<op_input> in;
    for (Tensor &t : tensors) {
        t.in.data = t.bytes.data();
        in.push_back(t.in);
    }
    const op_case c = {op, attributes.data(), attributes.size(), in.data(), in.size(), n_out, 0, 0};
    op_output out[OP_CASE_MOST] = {};
    char want[256] = "", got[256] = "";
    bool ok = check(op_on_cpu(&c, out, want, sizeof want) == OP_FAILED,
                    "%s: the CPU sees nothing wrong", what.c_str());
    for (const emu::Mode &m : modes) {
        if (!ok) break;
        emu::g_mode = m;
        const op_result r = op_on_device(&c, out, got, sizeof got);
        ok = check(r == OP_FAILED, "%s: %s", what.c_str(),
                   r == OP_DECLINED ? got : "the device sees nothing wrong") &&
             check(!strcmp(want, got), "%s: \"%s\", the CPU's \"%s\"", what.c_str(), got, want);
    }
    op_case_clear();
    return ok;
}

inline std::string describe(const char *what, int dtype)
{
    return std::string(what) + " " + op_dtype_name(dtype);
}

} // namespace cuda_test
