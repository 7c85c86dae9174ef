/* program.c - code from expressions. Characters become sequences of byte sets, so that what runs
 * knows nothing of UTF-8; what is repeated several times and is not small becomes a rule of its
 * own, so that a copy costs one instruction. */
#include "runtime/llm/grammar/expr.h"
#include "runtime/llm/grammar/program.h"
#include "runtime/base/utf8.h"

#include <string.h>

enum { SMALL_SET = 128 /* below: one byte */ };

typedef struct {
    ig_grammar *g;
    ig_builder *b;
    uint32_t *sets_by_hash; /* [SET_SLOTS] index + 1 */
    const ig_expr *repeat;  /* the repetition at hand, for the message */
} emitter;

static uint32_t n_code(const emitter *m) { return (uint32_t)(m->g->code.n / sizeof(ig_code)); }

static void too_large(emitter *m)
{
    const ig_expr *r = m->repeat;
    if (r && r->least > 16)
        ig_builder_fail_at(m->b, INGOT_E_FULL, r->at,
                           "the grammar is too large: repeating {%u, ...} here passes %d "
                           "instructions",
                           r->least, IG_GRAMMAR_CODE_MOST);
    else
        ig_builder_fail_at(m->b, INGOT_E_FULL, r ? r->at : 0,
                           "the grammar is too large: it passes %d instructions",
                           IG_GRAMMAR_CODE_MOST);
}

static uint32_t emit(emitter *m, ig_code_kind kind, uint32_t a, uint32_t b)
{
    const uint32_t at = n_code(m);
    if (m->b->status) return 0;
    if (at >= IG_GRAMMAR_CODE_MOST) {
        too_large(m);
        return 0;
    }
    ig_put(&m->g->code, &(ig_code){kind, a, b}, sizeof(ig_code));
    if (m->g->code.failed)
        ig_builder_fail(m->b, INGOT_E_NOMEM, "no memory for the code of a grammar");
    return at;
}

static ig_code *code_at(emitter *m, uint32_t at) { return (ig_code *)(void *)m->g->code.p + at; }

/* ---- sets of bytes ---- */

enum { SET_SLOTS = 1 << 12 };

static void emit_bytes(emitter *m, const ig_byte_set *set)
{
    uint64_t h = 0;
    for (int i = 0; i < 4; i++) h = (h ^ set->bits[i]) * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(h >> 52);
    const uint32_t n = (uint32_t)(m->g->sets.n / sizeof *set);
    for (size_t k = 0; k < 8 && m->sets_by_hash[slot]; k++, slot = (slot + 1) % SET_SLOTS) {
        const uint32_t i = m->sets_by_hash[slot] - 1;
        if (!memcmp(&ig_grammar_sets(m->g)[i], set, sizeof *set)) {
            emit(m, IG_CODE_BYTES, i, 0);
            return;
        }
    }
    m->sets_by_hash[slot] = n + 1;
    ig_put(&m->g->sets, set, sizeof *set);
    if (m->g->sets.failed) ig_builder_fail(m->b, INGOT_E_NOMEM, "no memory for a grammar");
    emit(m, IG_CODE_BYTES, n, 0);
}

static void add_range(ig_byte_set *set, unsigned low, unsigned high)
{
    for (unsigned c = low; c <= high; c++) set->bits[c >> 6] |= UINT64_C(1) << (c & 63);
}

static void emit_range(emitter *m, unsigned low, unsigned high)
{
    ig_byte_set set = {{0}};
    add_range(&set, low, high);
    emit_bytes(m, &set);
}

/* A text as one set a byte. */
static void emit_text(emitter *m, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) emit_range(m, (unsigned char)text[i], (unsigned char)text[i]);
}

/* ---- characters ---- */

typedef struct {
    uint8_t low[4], high[4];
    unsigned n;
} utf8_range;

/* Splits code points [low, high] of one encoded length into sequences of byte ranges: where the
 * ends agree in all bytes but the last ones, and those are whole. */
static size_t split_utf8(utf8_range *out, uint32_t low, uint32_t high)
{
    size_t n = 0;
    while (low <= high) {
        const unsigned size = (unsigned)ig_utf8_size(low);
        uint32_t end = high;
        for (unsigned k = 1; k < size; k++) { /* k trailing bytes */
            const uint32_t mask = (UINT32_C(1) << 6 * k) - 1;
            if ((low & ~mask) == (end & ~mask)) break;
            if (low & mask) {
                end = low | mask;
                break;
            }
            if ((end & mask) != mask && (end & ~mask) > low) end = (end & ~mask) - 1;
        }
        utf8_range *r = &out[n++];
        r->n = size;
        ig_utf8_put((char *)r->low, low);
        ig_utf8_put((char *)r->high, end);
        low = end + 1;
    }
    return n;
}

/* One alternative: a split before it unless it is the last, a jump to the end behind it. */
static void emit_sequence(emitter *m, const utf8_range *r, bool last, ig_bytes *ends)
{
    const uint32_t split = last ? 0 : emit(m, IG_CODE_SPLIT, n_code(m) + 1, 0);
    for (unsigned i = 0; i < r->n; i++) emit_range(m, r->low[i], r->high[i]);
    if (last || m->b->status) return;
    const uint32_t jump = emit(m, IG_CODE_JUMP, 0, 0);
    ig_put_u32(ends, jump);
    if (!m->b->status) code_at(m, split)->b = n_code(m);
}

static void land(emitter *m, ig_bytes *ends)
{
    if (ends->failed) ig_builder_fail(m->b, INGOT_E_NOMEM, "no memory for a grammar");
    for (size_t i = 0; i + 4 <= ends->n && !m->b->status; i += 4) {
        uint32_t at;
        memcpy(&at, ends->p + i, 4);
        code_at(m, at)->a = n_code(m);
    }
    ig_bytes_clear(ends);
}

/* Those of the ranges that lie in [low, high], as sequences. */
static void put_sequences(ig_bytes *to, const ig_expr *e, uint32_t low, uint32_t high)
{
    for (uint32_t i = 0; i < e->n; i++) {
        const uint32_t from = IG_MAX(e->ranges[i].low, low),
                       until = IG_MIN(e->ranges[i].high, high);
        utf8_range parts[8];
        if (from > until) continue;
        ig_put(to, parts, split_utf8(parts, from, until) * sizeof *parts);
    }
}

static void emit_set(emitter *m, const ig_expr *e)
{
    ig_byte_set ascii = {{0}};
    ig_bytes parts, ends;
    ig_bytes_init(&parts, m->g->heap);
    ig_bytes_init(&ends, m->g->heap);
    for (uint32_t i = 0; i < e->n && e->ranges[i].low < 0x80; i++)
        add_range(&ascii, e->ranges[i].low, IG_MIN(e->ranges[i].high, 0x7fu));
    put_sequences(&parts, e, 0x80, 0x7ff);
    put_sequences(&parts, e, 0x800, 0xd7ff); /* no surrogates */
    put_sequences(&parts, e, 0xe000, 0xffff);
    put_sequences(&parts, e, 0x10000, 0x10ffff);
    if (parts.failed) ig_builder_fail(m->b, INGOT_E_NOMEM, "no memory for a grammar");
    const size_t n = parts.n / sizeof(utf8_range);
    const bool has_ascii = ascii.bits[0] || ascii.bits[1];
    if (has_ascii) {
        const uint32_t split = n ? emit(m, IG_CODE_SPLIT, n_code(m) + 1, 0) : 0;
        emit_bytes(m, &ascii);
        if (n) ig_put_u32(&ends, emit(m, IG_CODE_JUMP, 0, 0));
        if (n && !m->b->status) code_at(m, split)->b = n_code(m);
    }
    const utf8_range *r = (const utf8_range *)(const void *)parts.p;
    for (size_t i = 0; i < n && !m->b->status; i++) emit_sequence(m, &r[i], i + 1 == n, &ends);
    if (!n && !has_ascii) emit_bytes(m, &ascii); /* only surrogates: nothing */
    land(m, &ends);
    ig_bytes_clear(&parts);
}

/* ---- expressions ---- */

static void emit_expr(emitter *m, const ig_expr *e);

static void emit_alt(emitter *m, const ig_expr *e)
{
    ig_bytes ends;
    ig_bytes_init(&ends, m->g->heap);
    uint32_t last = 0;
    for (uint32_t i = 0; i < e->n; i++)
        if (ig_expr_productive(m->b, e->items[i])) last = i;
    for (uint32_t i = 0; i <= last && !m->b->status; i++) {
        if (!ig_expr_productive(m->b, e->items[i])) continue;
        const uint32_t split = i == last ? 0 : emit(m, IG_CODE_SPLIT, n_code(m) + 1, 0);
        emit_expr(m, e->items[i]);
        if (i == last || m->b->status) break;
        ig_put_u32(&ends, emit(m, IG_CODE_JUMP, 0, 0));
        if (!m->b->status) code_at(m, split)->b = n_code(m);
    }
    land(m, &ends);
}

/* What is copied is small, or a call of a rule made for it. */
static const ig_expr *outline(emitter *m, const ig_expr *e)
{
    const bool small = e->kind == IG_EXPR_RULE || (e->kind == IG_EXPR_TEXT && e->n == 1) ||
                       (e->kind == IG_EXPR_SET && e->ranges[e->n - 1].high < SMALL_SET);
    if (small) return e;
    const uint32_t r = ig_builder_rule(m->b, "repetition", e->at);
    if (m->b->status) return e;
    m->b->rules[r].body = e;
    m->b->rules[r].nullable = ig_expr_nullable(m->b, e);
    m->b->rules[r].productive = true;
    return ig_expr_rule(m->b, r, e->at);
}

static void emit_loop(emitter *m, const ig_expr *item)
{
    const uint32_t split = emit(m, IG_CODE_SPLIT, n_code(m) + 1, 0);
    emit_expr(m, item);
    emit(m, IG_CODE_JUMP, split, 0);
    if (!m->b->status) code_at(m, split)->b = n_code(m);
}

static void emit_repeat(emitter *m, const ig_expr *e)
{
    const ig_expr *item = e->items[0], *outer = m->repeat;
    ig_bytes ends;
    if (!ig_expr_productive(m->b, item)) return; /* then it may be left out */
    m->repeat = e;
    if (e->least > 1 || (e->most > 1 && e->most != IG_REPEAT_FOREVER)) item = outline(m, item);
    for (uint32_t i = 0; i < e->least && !m->b->status; i++) emit_expr(m, item);
    ig_bytes_init(&ends, m->g->heap);
    if (e->most == IG_REPEAT_FOREVER) {
        emit_loop(m, item);
    } else {
        for (uint32_t i = e->least; i < e->most && !m->b->status; i++) {
            const uint32_t split = emit(m, IG_CODE_SPLIT, 0, n_code(m) + 1); /* a: the end */
            ig_put_u32(&ends, split);
            emit_expr(m, item);
        }
    }
    land(m, &ends);
    m->repeat = outer;
}

static void emit_expr(emitter *m, const ig_expr *e)
{
    if (m->b->status) return;
    switch (e->kind) {
    case IG_EXPR_TEXT:
        emit_text(m, e->text, e->n);
        break;
    case IG_EXPR_SET:
        emit_set(m, e);
        break;
    case IG_EXPR_SEQ:
        for (uint32_t i = 0; i < e->n; i++) emit_expr(m, e->items[i]);
        break;
    case IG_EXPR_ALT:
        emit_alt(m, e);
        break;
    case IG_EXPR_REPEAT:
        emit_repeat(m, e);
        break;
    case IG_EXPR_RULE:
        emit(m, IG_CODE_CALL, e->rule, 0);
        break;
    case IG_EXPR_EMPTY:
    case IG_EXPR_NEVER: /* only where a branch that cannot be taken holds it */
        break;
    }
}

/* ---- the whole ---- */

/* Rules that are made on the way are appended, and so emitted too. entries: by rule. */
static void emit_rules(emitter *m, ig_bytes *entries)
{
    for (uint32_t r = 0; r < m->b->n_rules && !m->b->status; r++) {
        ig_put_u32(entries, n_code(m));
        if (m->b->rules[r].productive) emit_expr(m, m->b->rules[r].body);
        emit(m, IG_CODE_RETURN, 0, 0);
    }
    if (entries->failed) ig_builder_fail(m->b, INGOT_E_NOMEM, "no memory for a grammar");
    for (uint32_t i = 0; i < n_code(m) && !m->b->status; i++)
        if (code_at(m, i)->kind == IG_CODE_CALL)
            memcpy(&code_at(m, i)->a, entries->p + 4 * (size_t)code_at(m, i)->a, 4);
}

/* Bytes are told apart set by set. */
static void fill_classes(ig_grammar *g)
{
    const size_t n_sets = g->sets.n / sizeof(ig_byte_set);
    unsigned n = 1;
    memset(g->classes, 0, sizeof g->classes);
    for (size_t s = 0; s < n_sets && n < 256; s++) {
        int inside[256];
        bool seen_in[256] = {false}, seen_out[256] = {false};
        for (unsigned c = 0; c < 256; c++) {
            const bool in = ig_byte_in(&ig_grammar_sets(g)[s], c);
            (in ? seen_in : seen_out)[g->classes[c]] = true;
        }
        const unsigned before = n;
        for (unsigned k = 0; k < before; k++) inside[k] = seen_in[k] && seen_out[k] ? (int)n++ : -1;
        for (unsigned c = 0; c < 256; c++)
            if (ig_byte_in(&ig_grammar_sets(g)[s], c) && inside[g->classes[c]] >= 0)
                g->classes[c] = (uint8_t)inside[g->classes[c]];
    }
    g->n_classes = n;
    for (unsigned c = 256; c--;) g->of_class[g->classes[c]] = (uint8_t)c;
}

static ingot_status write_code(ig_grammar *g, ig_builder *b)
{
    emitter m = {.g = g, .b = b};
    ig_bytes entries;
    ig_bytes_init(&entries, g->heap);
    m.sets_by_hash = ig_new_n(&b->arena, uint32_t, SET_SLOTS);
    if (!m.sets_by_hash) return ig_fail(b->err, INGOT_E_NOMEM, "no memory for a grammar");
    emit_rules(&m, &entries);
    ig_bytes_clear(&entries);
    if (!b->status) fill_classes(g);
    return b->status;
}

ingot_status ig_builder_finish(ig_grammar **out, ig_builder *b, ig_heap *heap, bool strict)
{
    *out = NULL;
    ingot_status s = b->status ? b->status : ig_builder_check(b, strict);
    ig_grammar *g = s ? NULL : ig_take0(heap, sizeof *g);
    if (!s && !g) s = ig_fail(b->err, INGOT_E_NOMEM, "no memory for a grammar");
    if (g) {
        g->heap = heap;
        ig_bytes_init(&g->code, heap);
        ig_bytes_init(&g->sets, heap);
        s = write_code(g, b);
    }
    if (s) ig_grammar_close(&g);
    ig_builder_clear(b);
    *out = g;
    return s;
}

void ig_grammar_close(ig_grammar **grammar)
{
    ig_grammar *g = *grammar;
    *grammar = NULL;
    if (!g) return;
    ig_bytes_clear(&g->code);
    ig_bytes_clear(&g->sets);
    ig_give(g->heap, g, sizeof *g);
}
