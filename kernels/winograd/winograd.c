/* winograd.c - which variant this machine uses (see the .kern lists), and the weights. */
#include "kernels/winograd/winograd.h"

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;

winograd_in_f32_fn *ig_winograd_in_f32(void)
{
    winograd_in_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/winograd/winograd_in.kern"
    return best;
}

winograd_out_f32_fn *ig_winograd_out_f32(void)
{
    winograd_out_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/winograd/winograd_out.kern"
    return best;
}

static const double G[IG_WINOGRAD_IN][3] = {
    {1.0 / 4, 0, 0},
    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6},
    {1.0 / 24, -1.0 / 12, 1.0 / 6},
    {0, 0, 1},
};

/* One filter of one channel: g at w, taps `tap` elements apart; results `point` apart. */
static void transform_filter(float *u, size_t point, const float *w, size_t tap)
{
    double half[IG_WINOGRAD_IN][3];
    for (int i = 0; i < IG_WINOGRAD_IN; i++)
        for (size_t x = 0; x < 3; x++) {
            half[i][x] = 0;
            for (size_t y = 0; y < 3; y++) half[i][x] += G[i][y] * (double)w[(y * 3 + x) * tap];
        }
    for (int i = 0; i < IG_WINOGRAD_IN; i++)
        for (int j = 0; j < IG_WINOGRAD_IN; j++) {
            double sum = 0;
            for (int x = 0; x < 3; x++) sum += half[i][x] * G[j][x];
            u[(size_t)(i * IG_WINOGRAD_IN + j) * point] = (float)sum;
        }
}

void ig_winograd_weights(float *u, const float *w, bool panels, size_t in_c, size_t out_c)
{
    const size_t each = ig_gemm_packed(in_c, out_c), k = 9 * in_c;
    for (size_t i = 0; i < IG_WINOGRAD_POINTS * each; i++) u[i] = 0;
    for (size_t n = 0; n < out_c; n++)
        for (size_t c = 0; c < in_c; c++) {
            const size_t panel = n / IG_PANEL, lane = n % IG_PANEL;
            const float *from = panels ? w + (panel * k + c) * IG_PANEL + lane : w + c * out_c + n;
            transform_filter(u + (panel * in_c + c) * IG_PANEL + lane, each, from,
                             in_c * (panels ? IG_PANEL : out_c));
        }
}
