/* roofline.c - see roofline.h. */
#include "bench/kernels/roofline.h"
#include "bench/kernels/report.h"

#include <math.h>
#include <string.h>

enum {
    WIDE = 700,
    HIGH = 520,
    LEFT = 70,
    RIGHT = 20,
    TOP = 50,
    BOTTOM = 60,
    LEGEND = 22,
    NAMES = 36
};

static const double LOW_X = 0.0625, HIGH_X = 4096; /* operations a byte: 16 doublings */

typedef struct {
    const bench *b;
    FILE *to;
    double left;          /* of the panel */
    double low_y, high_y; /* G operations/s */
    size_t slot;
    const char *names[NAMES]; /* of benches, each with a colour */
    size_t n_names;
} plot;

static const char *const colours[] = {"#4285f4", "#ea4335", "#34a853", "#fa7b17",
                                      "#a142f4", "#24c1e0", "#b06000", "#e52592",
                                      "#5f6368", "#0b8043", "#174ea6", "#9aa0a6"};

/* A mark for the bench of that name: its colour, and another form when the colours are used up. */
static void put_mark(const plot *p, double x, double y, const char *name, const char *title)
{
    static const char *const forms[] = {"m-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0", "m-4,-4h8v8h-8z",
                                        "m0,-5.5l5.5,5.5l-5.5,5.5l-5.5,-5.5z"};
    size_t i = 0;
    while (i < p->n_names && strcmp(p->names[i], name) != 0) i++;
    fprintf(p->to,
            "<path class=\"mark\" d=\"M%.1f,%.1f %s\" fill=\"%s\"><title>%s</title></path>\n", x, y,
            forms[i / IG_LEN(colours) % IG_LEN(forms)], colours[i % IG_LEN(colours)], title);
}

static double x_at(const plot *p, double intensity)
{
    const double part = log2(intensity / LOW_X) / log2(HIGH_X / LOW_X);
    return p->left + LEFT + part * (WIDE - LEFT - RIGHT);
}

static double y_at(const plot *p, double rate)
{
    const double part = log2(rate / p->low_y) / log2(p->high_y / p->low_y);
    return HIGH - BOTTOM - part * (HIGH - BOTTOM - TOP);
}

static const roof *roof_of(const plot *p, roof_kind kind)
{
    const roof *f = &p->b->roofs.all[p->slot][kind];
    return f->items ? f : NULL;
}

/* The y axis runs from below the slowest point to above the highest roof. */
static void choose_range(plot *p)
{
    double low = 1, high = 2;
    for (size_t i = 0; i < p->b->n_results; i++) {
        const bench_result *r = &p->b->results[i];
        if (r->flop > 0 && r->bytes > 0) low = fmin(low, r->flop / result_seconds(r) * 1e-9);
    }
    for (size_t s = 0; s < p->b->n_pools; s++)
        for (int k = 0; k < ROOF_L1_READ; k++) {
            const roof *f = &p->b->roofs.all[s][k];
            if (f->items) high = fmax(high, roof_limit(f) * 1e-9);
        }
    p->low_y = exp2(floor(log2(low)));
    p->high_y = exp2(ceil(log2(high * 1.2)));
}

/* ---- parts
 * --------------------------------------------------------------------------------------- */

static void put_grid(const plot *p)
{
    fprintf(p->to, "<g class=\"grid\">\n");
    for (double x = LOW_X; x <= HIGH_X * 1.01; x *= 4) {
        fprintf(p->to, "<path d=\"M%.1f,%d V%d\"/>", x_at(p, x), TOP, HIGH - BOTTOM);
        fprintf(p->to, "<text x=\"%.1f\" y=\"%d\" class=\"mid\">%g</text>\n", x_at(p, x),
                HIGH - BOTTOM + 16, x);
    }
    for (double y = p->low_y; y <= p->high_y * 1.01; y *= 2) {
        fprintf(p->to, "<path d=\"M%.1f,%.1f H%.1f\"/>", p->left + LEFT, y_at(p, y),
                p->left + WIDE - RIGHT);
        fprintf(p->to, "<text x=\"%.1f\" y=\"%.1f\" class=\"end\">%g</text>\n", p->left + LEFT - 6,
                y_at(p, y) + 4, y);
    }
    fprintf(p->to, "</g>\n<text x=\"%.1f\" y=\"%d\" class=\"mid axis\">operations a byte</text>\n",
            p->left + (LEFT + WIDE - RIGHT) / 2.0, HIGH - BOTTOM + 38);
    fprintf(p->to,
            "<text transform=\"translate(%.1f,%d) rotate(-90)\" class=\"mid axis\">"
            "G operations/s (a multiply-add is 2)</text>\n",
            p->left + 18, (TOP + HIGH - BOTTOM) / 2);
}

/* A ceiling; one that lies on another gives it its name too. */
static void put_ceilings(const plot *p)
{
    bool done[ROOF_L1_READ] = {false};
    for (int k = 0; k < ROOF_L1_READ; k++) {
        const roof *f = roof_of(p, (roof_kind)k);
        if (!f || done[k]) continue;
        const double rate = roof_limit(f) * 1e-9;
        fprintf(p->to, "<path class=\"roof\" d=\"M%.1f,%.1f H%.1f\"/>", p->left + LEFT,
                y_at(p, rate), p->left + WIDE - RIGHT);
        fprintf(p->to, "<text x=\"%.1f\" y=\"%.1f\" class=\"end\">%s", p->left + WIDE - RIGHT - 4,
                y_at(p, rate) - 4, roof_name((roof_kind)k));
        for (int i = k + 1; i < ROOF_L1_READ; i++) {
            const roof *g = roof_of(p, (roof_kind)i);
            if (!g || fabs(roof_limit(g) * 1e-9 / rate - 1) > 0.08) continue;
            fprintf(p->to, ", %s", roof_name((roof_kind)i));
            done[i] = true;
        }
        fprintf(p->to, " %.0f</text>\n", rate);
    }
}

static void put_slopes(const plot *p)
{
    for (int k = ROOF_L1_READ; k <= ROOF_DRAM_READ; k++) {
        const roof *f = roof_of(p, (roof_kind)k);
        if (!f) continue;
        const double speed = roof_limit(f) * 1e-9, x0 = fmax(LOW_X, p->low_y / speed);
        const double x1 = fmin(HIGH_X, p->high_y / speed);
        fprintf(p->to, "<path class=\"roof\" d=\"M%.1f,%.1f L%.1f,%.1f\"/>\n", x_at(p, x0),
                y_at(p, x0 * speed), x_at(p, x1), y_at(p, x1 * speed));
    }
}

/* Names of slopes, each at another place, because those of two caches can be close. */
static void put_slope_names(const plot *p)
{
    static const double places[] = {0.09, 0.5, 0.12, 0.09}; /* operations a byte */
    const double angle = -atan2((HIGH - BOTTOM - TOP) / log2(p->high_y / p->low_y),
                                (WIDE - LEFT - RIGHT) / log2(HIGH_X / LOW_X)) *
                         180 / M_PI;
    for (int k = ROOF_L1_READ; k <= ROOF_DRAM_READ; k++) {
        const roof *f = roof_of(p, (roof_kind)k);
        if (!f) continue;
        const double speed = roof_limit(f) * 1e-9, at = places[k - ROOF_L1_READ];
        if (at * speed < p->low_y || at * speed > p->high_y) continue;
        fprintf(p->to,
                "<text class=\"clear\" transform=\"translate(%.1f,%.1f) rotate(%.1f)\">%s %.0f "
                "GB/s</text>\n",
                x_at(p, at), y_at(p, at * speed) - 3, angle, roof_name((roof_kind)k), speed);
    }
}

static void put_points(const plot *p)
{
    const size_t threads = ig_pool_threads(p->b->pools[p->slot]);
    char title[256];
    for (size_t i = 0; i < p->b->n_results; i++) {
        const bench_result *r = &p->b->results[i];
        if (r->threads != threads || !(r->flop > 0) || !(r->bytes > 0)) continue;
        const double intensity = r->flop / r->bytes, rate = r->flop / result_seconds(r) * 1e-9;
        snprintf(title, sizeof title, "%s %s %s: %.4g G/s, %.4g a byte", r->name, r->shape, r->isa,
                 rate, intensity);
        put_mark(p, x_at(p, fmin(fmax(intensity, LOW_X), HIGH_X)), y_at(p, rate), r->name, title);
    }
}

static void put_panel(plot *p)
{
    const size_t threads = ig_pool_threads(p->b->pools[p->slot]);
    p->left = (double)(p->slot * WIDE);
    fprintf(p->to, "<text x=\"%.1f\" y=\"28\" class=\"mid title\">%zu thread%s, %s</text>\n",
            p->left + (LEFT + WIDE - RIGHT) / 2.0, threads, threads == 1 ? "" : "s",
            ig_cpu_level());
    put_grid(p);
    put_slopes(p);
    put_ceilings(p);
    put_slope_names(p);
    put_points(p);
}

static void put_legend(const plot *p)
{
    const int columns = (int)p->b->n_pools * 4, each = WIDE / 4;
    for (size_t i = 0; i < p->n_names; i++) {
        const int x = LEFT / 2 + (int)i % columns * each, y = HIGH + 10 + (int)i / columns * LEGEND;
        put_mark(p, x, y, p->names[i], p->names[i]);
        fprintf(p->to, "<text x=\"%d\" y=\"%d\">%s</text>\n", x + 10, y + 4, p->names[i]);
    }
}

static void gather_names(plot *p)
{
    for (size_t i = 0; i < p->b->n_results && p->n_names < NAMES; i++) {
        const bench_result *r = &p->b->results[i];
        size_t k = 0;
        while (k < p->n_names && strcmp(p->names[k], r->name) != 0) k++;
        if (k == p->n_names && r->flop > 0 && r->bytes > 0) p->names[p->n_names++] = r->name;
    }
}

ingot_status roofline_svg(const bench *b, FILE *to, ingot_error *err)
{
    plot p = {.b = b, .to = to};
    choose_range(&p);
    gather_names(&p);
    const int wide = (int)b->n_pools * WIDE;
    const int rows = ((int)p.n_names + (int)b->n_pools * 4 - 1) / ((int)b->n_pools * 4);
    const int high = HIGH + 10 + rows * LEGEND;
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
            "%d\">\n<style>text{font:12px sans-serif;fill:#202124}.mid{text-anchor:middle}"
            ".end{text-anchor:end}.title{font-size:16px;font-weight:bold}.axis{font-size:13px}"
            ".grid path{stroke:#e8eaed;fill:none}.grid text{fill:#5f6368}"
            ".roof{stroke:#202124;stroke-width:1.5;fill:none}.mark{stroke:#ffffff}"
            ".clear{paint-order:stroke;stroke:#ffffff;stroke-width:4}</style>\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
            wide, high, wide, high);
    for (p.slot = 0; p.slot < b->n_pools; p.slot++) put_panel(&p);
    put_legend(&p);
    fprintf(to, "</svg>\n");
    return ferror(to) ? ig_fail(err, INGOT_E_IO, "the plot could not be written") : INGOT_OK;
}
