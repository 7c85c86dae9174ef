/* cmd_inspect.c - `ingot inspect`: what is in a model file. */
#include "runtime/base/checked.h"
#include "tools/cli/cli.h"
#include "tools/cli/json.h"
#include "tools/cli/text.h"
#include "tools/data/output.h"
#include "tools/draw/draw.h"
#include "tools/model/describe.h"
#include "tools/model/open.h"
#include "tools/model/speak.h"

#include <inttypes.h>
#include <string.h>

typedef struct {
    const char *model, *graph;
    bool json, tensors, devices;
} args;

/* ---- for people
 * ----------------------------------------------------------------------------------- */

static void print_meta(const ig_ingot *f)
{
    for (size_t i = 0; i < f->meta.n; i++) {
        const ig_meta_entry *e = &f->meta.v[i];
        printf("  %-18s  ", e->key);
        if (e->kind == IG_ATTR_INT)
            printf("%" PRId64 "\n", e->i);
        else if (e->kind == IG_ATTR_FLOAT)
            printf("%g\n", e->f);
        else
            puts(e->s);
    }
}

static void print_tokenizer(const ig_ingot *f)
{
    char text[160];
    if (*ig_describe_tokenizer(text, sizeof text, f, f->heap)) printf("\ntokenizer  %s\n", text);
    const size_t n = ig_ingot_template(f).n;
    if (n) printf("chat template  %zu bytes\n", n);
}

/* A view is no work: its result is its input's bytes, wherever they lie. */
static const char *devices_of(const ig_op *op)
{
    if (op->flags & IG_OP_VIEW) return "any";
    return ig_plugin_has(op->name) ? "cpu, cuda" : "cpu";
}

static void print_ops(const ig_summary *s, bool devices)
{
    ingot_error why;
    printf("\nops (%zu nodes", s->n_nodes);
    if (s->n_graphs > 1) printf(" in %zu graphs", s->n_graphs);
    puts(")");
    for (size_t i = 0; i < s->n_ops; i++)
        if (devices)
            printf("  %6zu  %-24s  %s\n", s->ops[i].n, s->ops[i].op->name,
                   devices_of(s->ops[i].op));
        else
            printf("  %6zu  %s\n", s->ops[i].n, s->ops[i].op->name);
    if (devices && !ig_plugin(NULL, &why)) printf("  no CUDA: %s\n", why.text);
}

static ingot_status print_sizes(const ig_ingot *f, const ig_summary *sum, ingot_error *err)
{
    char text[32], name[5];
    ig_table t;
    printf("\nsize  %s, %s parameters\n", ig_format_bytes(text, sizeof text, f->n_bytes),
           ig_format_count((char[32]){0}, 32, sum->parameters));
    ig_table_init(&t, 3, 1u << 2);
    for (size_t i = 0; i < f->n_sections; i++) {
        ig_table_cell(&t, "  section");
        ig_table_cell(&t, "%s", ig_section_name(name, f->sections[i].type));
        ig_table_cell(&t, "%s", ig_format_bytes(text, sizeof text, f->sections[i].bytes));
    }
    for (size_t i = 0; i < sum->n_classes; i++) {
        const ig_weight_class *c = &sum->classes[i];
        ig_table_cell(&t, "  weights");
        ig_table_cell(&t, "%zu x %s, %s", c->n, c->format ? c->format : ingot_dtype_name(c->dtype),
                      c->format ? "packed" : ig_layout_name(c->layout));
        ig_table_cell(&t, "%s", ig_format_bytes(text, sizeof text, c->bytes));
    }
    const ingot_status s = ig_table_print(&t, stdout, err);
    ig_table_clear(&t);
    return s;
}

static void tensor_rows(ig_table *t, const ig_graph *g)
{
    char type[160], text[32];
    for (size_t i = 0; i < g->n_values; i++) {
        const ig_value *v = &g->values[i];
        if (!v->is_const) continue;
        ig_type_print(type, sizeof type, &v->type, g->symbols);
        ig_table_cell(t, "  %s", *v->name ? v->name : "(no name)");
        ig_table_cell(t, "%s", type);
        ig_table_cell(t, "%s", ig_layout_name(v->layout));
        ig_table_cell(t, "%s", ig_format_bytes(text, sizeof text, v->data_bytes));
    }
    for (size_t i = 0; i < g->n_nodes; i++)
        for (uint32_t k = 0; k < g->nodes[i]->n_sub; k++)
            if (g->nodes[i]->sub[k]) tensor_rows(t, g->nodes[i]->sub[k]);
}

static ingot_status print_tensors(const ig_graph *g, ingot_error *err)
{
    ig_table t;
    puts("\ntensors");
    ig_table_init(&t, 4, 1u << 3);
    tensor_rows(&t, g);
    const ingot_status s = ig_table_print(&t, stdout, err);
    ig_table_clear(&t);
    return s;
}

static ingot_status print_all(const args *a, const ig_ingot *f, const ig_summary *sum,
                              ingot_error *err)
{
    print_meta(f);
    print_tokenizer(f);
    puts("\ninputs and outputs");
    IG_TRY(ig_ports_print(f->graph, stdout, err));
    print_ops(sum, a->devices);
    IG_TRY(print_sizes(f, sum, err));
    if (f->golden.n) printf("\n%zu recorded runs (ingot verify replays them)\n", f->golden.n);
    return a->tensors ? print_tensors(f->graph, err) : INGOT_OK;
}

/* ---- for programs
 * ---------------------------------------------------------------------------------- */

static void json_meta(ig_json *j, const ig_ingot *f)
{
    ig_json_object(j, "meta");
    for (size_t i = 0; i < f->meta.n; i++) {
        const ig_meta_entry *e = &f->meta.v[i];
        if (e->kind == IG_ATTR_INT)
            ig_json_int(j, e->key, e->i);
        else if (e->kind == IG_ATTR_FLOAT)
            ig_json_f64(j, e->key, e->f);
        else
            ig_json_text(j, e->key, e->s);
    }
    ig_json_end(j);
}

static void json_sizes(ig_json *j, const ig_ingot *f, const ig_summary *sum)
{
    char name[5];
    ig_json_object(j, "sections");
    for (size_t i = 0; i < f->n_sections; i++)
        ig_json_uint(j, ig_section_name(name, f->sections[i].type), f->sections[i].bytes);
    ig_json_end(j);
    ig_json_array(j, "weights");
    for (size_t i = 0; i < sum->n_classes; i++) {
        ig_json_object(j, NULL);
        ig_json_text(j, "dtype", ingot_dtype_name(sum->classes[i].dtype));
        ig_json_text(j, "layout", ig_layout_name(sum->classes[i].layout));
        if (sum->classes[i].format) ig_json_text(j, "format", sum->classes[i].format);
        ig_json_uint(j, "tensors", sum->classes[i].n);
        ig_json_uint(j, "elements", sum->classes[i].elements);
        ig_json_uint(j, "bytes", sum->classes[i].bytes);
        ig_json_end(j);
    }
    ig_json_end(j);
}

static void json_tensors(ig_json *j, const ig_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++) {
        const ig_value *v = &g->values[i];
        if (!v->is_const) continue;
        ig_json_object(j, NULL);
        ig_json_text(j, "name", v->name);
        ig_json_text(j, "dtype", ingot_dtype_name(v->type.dtype));
        ig_dims_json(j, "shape", &v->type, g->symbols);
        ig_json_text(j, "layout", ig_layout_name(v->layout));
        ig_json_uint(j, "bytes", v->data_bytes);
        ig_json_end(j);
    }
    for (size_t i = 0; i < g->n_nodes; i++)
        for (uint32_t k = 0; k < g->nodes[i]->n_sub; k++)
            if (g->nodes[i]->sub[k]) json_tensors(j, g->nodes[i]->sub[k]);
}

static ingot_status json_all(const args *a, const ig_ingot *f, const ig_summary *sum,
                             ingot_error *err)
{
    ig_json j;
    ig_json_init(&j, stdout, 2);
    ig_json_object(&j, NULL);
    ig_json_text(&j, "file", a->model);
    ig_json_uint(&j, "bytes", f->n_bytes);
    ig_json_uint(&j, "parameters", sum->parameters);
    ig_json_uint(&j, "weight_bytes", sum->weight_bytes);
    ig_json_uint(&j, "nodes", sum->n_nodes);
    ig_json_uint(&j, "golden_cases", f->golden.n);
    json_meta(&j, f);
    char tokenizer[160];
    if (*ig_describe_tokenizer(tokenizer, sizeof tokenizer, f, f->heap))
        ig_json_text(&j, "tokenizer", tokenizer);
    if (ig_ingot_template(f).n) ig_json_uint(&j, "chat_template_bytes", ig_ingot_template(f).n);
    ig_ports_json(&j, f->graph);
    ig_json_object(&j, "ops");
    for (size_t i = 0; i < sum->n_ops; i++) ig_json_uint(&j, sum->ops[i].op->name, sum->ops[i].n);
    ig_json_end(&j);
    json_sizes(&j, f, sum);
    if (a->devices) {
        ig_json_object(&j, "devices");
        for (size_t i = 0; i < sum->n_ops; i++)
            ig_json_text(&j, sum->ops[i].op->name, devices_of(sum->ops[i].op));
        ig_json_end(&j);
    }
    if (a->tensors) {
        ig_json_array(&j, "tensors");
        json_tensors(&j, f->graph);
        ig_json_end(&j);
    }
    ig_json_end(&j);
    return ig_json_finish(&j, err);
}

/* ---- the picture
 * ----------------------------------------------------------------------------------- */

typedef ingot_status draw_fn(ig_bytes *out, const ig_graph *g, ig_arena *arena, ingot_error *err);

static ingot_status write_graph(ig_heap *heap, const char *path, const ig_graph *g, ig_arena *arena,
                                ingot_error *err)
{
    const char *dot = strrchr(path, '.');
    draw_fn *draw = dot && !strcmp(dot, ".svg")   ? ig_draw_svg
                    : dot && !strcmp(dot, ".dot") ? ig_draw_dot
                                                  : NULL;
    ig_output out;
    ig_bytes text;
    if (!draw)
        return ig_fail(err, INGOT_E_ARG, "--graph %s: its name must end in .svg or .dot", path);
    IG_TRY(ig_output_open(&out, heap, path, err));
    ig_bytes_init(&text, heap);
    ingot_status s = draw(&text, g, arena, err);
    if (!s && text.failed) s = ig_fail(err, INGOT_E_NOMEM, "%s: no memory for the picture", path);
    if (!s) s = out.sink.put(&out.sink, text.p, text.n, err);
    ig_bytes_clear(&text);
    return ig_output_end(&out, s, err);
}

static ingot_status run(ig_cli *cli, const void *given, ingot_error *err)
{
    const args *a = given;
    const ig_open_options how = {.threads = 1};
    ig_opened o;
    ig_arena arena;
    ig_summary sum;
    IG_TRY(ig_open_model(&o, cli, a->model, &how, err));
    const ig_ingot *f = o.model->file;
    ig_arena_init(&arena, &cli->heap);
    ingot_status s = INGOT_OK;
    if (a->graph) s = write_graph(&cli->heap, a->graph, f->graph, &arena, err);
    if (!s) s = ig_summarize(&sum, f->graph, &arena, err);
    if (!s) s = a->json ? json_all(a, f, &sum, err) : print_all(a, f, &sum, err);
    ig_arena_clear(&arena);
    ig_close_model(&o);
    return s;
}

static const ig_operand operands[] = {
    {.name = "MODEL", .help = "an .ingot file", .offset = offsetof(args, model)}};
static const ig_option options[] = {
    {.name = "graph",
     .arg = "FILE",
     .kind = IG_OPT_FILE,
     .help = "draw the graph: FILE.svg for a browser, FILE.dot for Graphviz",
     .offset = offsetof(args, graph)},
    {.name = "tensors",
     .kind = IG_OPT_FLAG,
     .help = "list every constant",
     .offset = offsetof(args, tensors)},
    {.name = "devices",
     .kind = IG_OPT_FLAG,
     .help =
         "tell for every op on which devices there are kernels for it; `ingot plan` tells where "
         "each step runs",
     .offset = offsetof(args, devices)},
    IG_OPTION_JSON(args),
};
static const ig_example examples[] = {
    {"ingot inspect digits.ingot", "inputs, outputs, ops and sizes"},
    {"ingot inspect digits.ingot --graph digits.svg", "draw it"},
};

const ig_command ig_cmd_inspect = {
    .name = "inspect",
    .summary = "show what is in a model file",
    .about = "Shows where the model came from, its inputs and outputs with named dimensions, how "
             "often each op occurs, its parameters, and its size by section, element type and "
             "layout.",
    IG_COMMAND_OPERANDS(operands),
    IG_COMMAND_OPTIONS(options),
    IG_COMMAND_EXAMPLES(examples),
    IG_COMMAND_ARGS(args, NULL),
    .run = run,
};
