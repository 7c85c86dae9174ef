/* schema_array.c - arrays: positions of their own, then items that are alike. */
#include "runtime/llm/grammar/schema.h"

#include <math.h>

enum { POSITIONS_MOST = 2048 };

bool ig_schema_count(ig_schema *s, ig_schema_set set, const char *keyword, bool largest,
                     uint32_t *out)
{
    for (size_t i = 0; i < set.n; i++) {
        const ig_json_value *v = ig_json_find(set.v[i].v, keyword);
        if (!v) continue;
        if (v->kind != IG_JSON_NUMBER || !(v->number >= 0) || v->number > 1e9 ||
            v->number != floor(v->number)) {
            ig_schema_fail(s, INGOT_E_DATA, v, "%s is no count from 0 to 1000000000", keyword);
            return false;
        }
        const uint32_t n = (uint32_t)v->number;
        *out = largest ? IG_MAX(*out, n) : IG_MIN(*out, n);
    }
    return true;
}

/* The list of positions of a schema: prefixItems, or in older drafts items itself. */
static const ig_json_value *positions(const ig_json_value *v)
{
    const ig_json_value *p = ig_json_find(v, "prefixItems"), *items = ig_json_find(v, "items");
    return p ? p : items && items->kind == IG_JSON_ARRAY ? items : NULL;
}

static const ig_json_value *others(const ig_json_value *v)
{
    const ig_json_value *items = ig_json_find(v, "items");
    return items && items->kind == IG_JSON_ARRAY ? ig_json_find(v, "additionalItems") : items;
}

static const ig_json_value *nth(const ig_json_value *list, size_t i)
{
    const ig_json_value *v = list ? list->first : NULL;
    while (v && i--) v = v->next;
    return v;
}

/* What stands at position i; SIZE_MAX: behind all that have one of their own. */
static const ig_expr *item_at(ig_schema *s, ig_schema_set set, size_t i)
{
    ig_schema_draft *d = ig_schema_draft_begin(s);
    for (size_t k = 0; k < set.n; k++) {
        const ig_json_value *own = i == SIZE_MAX ? NULL : nth(positions(set.v[k].v), i);
        const ig_json_value *v = own ? own : others(set.v[k].v);
        if (v && !ig_schema_add(s, d, v)) return &ig_expr_never;
    }
    return ig_schema_draft_expr(s, d);
}

static size_t count_positions(ig_schema_set set)
{
    size_t most = 0;
    for (size_t k = 0; k < set.n; k++) {
        size_t n = 0;
        const ig_json_value *p = positions(set.v[k].v);
        for (const ig_json_value *m = p ? p->first : NULL; m; m = m->next) n++;
        most = IG_MAX(most, n);
    }
    return most;
}

/* Items from position i on, each behind a comma; a rule for each position, so that long lists nest
 * no deeper than short ones. */
static const ig_expr *positions_and_rest(ig_schema *s, ig_schema_set set, size_t n, uint32_t least,
                                         uint32_t most)
{
    ig_builder *b = s->b;
    const ig_expr *comma = IG_SEQ(b, ig_expr_str(b, ","), ig_schema_common(s, IG_COMMON_SPACE));
    const uint32_t left = least > n ? least - (uint32_t)n : 0;
    const uint32_t more = most == IG_REPEAT_FOREVER ? most : most > n ? most - (uint32_t)n : 0;
    const ig_expr *other = more ? item_at(s, set, SIZE_MAX) : &ig_expr_never;
    if (!n) {
        const uint32_t again = more == IG_REPEAT_FOREVER ? more : more ? more - 1 : 0;
        const ig_expr *some = IG_SEQ(
            b, other, ig_expr_repeat(b, IG_SEQ(b, comma, other), left ? left - 1 : 0, again, 0));
        return ig_expr_repeat(b, some, left > 0, most > 0, 0);
    }
    const ig_expr *tail = ig_expr_repeat(b, IG_SEQ(b, comma, other), left, more, 0);
    for (size_t i = n; i-- && !b->status;) {
        if (i >= most) {
            tail = &ig_expr_empty;
            continue;
        }
        const uint32_t rule = ig_builder_rule(b, "position", 0);
        if (b->status) break;
        const ig_expr *item = item_at(s, set, i);
        const ig_expr *here = i ? IG_SEQ(b, comma, item, tail) : IG_SEQ(b, item, tail);
        here = ig_expr_repeat(b, here, i < least, 1, 0);
        b->rules[rule].body = here;
        tail = ig_expr_rule(b, rule, 0);
    }
    return tail;
}

const ig_expr *ig_schema_array(ig_schema *s, ig_schema_set set)
{
    ig_builder *b = s->b;
    uint32_t least = 0, most = IG_REPEAT_FOREVER;
    if (!ig_schema_count(s, set, "minItems", true, &least) ||
        !ig_schema_count(s, set, "maxItems", false, &most) || least > most)
        return &ig_expr_never;
    const size_t n = count_positions(set);
    if (n > POSITIONS_MOST)
        return ig_schema_fail(s, INGOT_E_FULL, set.v[0].v,
                              "a list with %zu positions of their own; at most %d", n,
                              POSITIONS_MOST);
    const ig_expr *space = ig_schema_common(s, IG_COMMON_SPACE);
    const ig_expr *items = positions_and_rest(s, set, n, least, most);
    return IG_SEQ(b, ig_expr_str(b, "["), space, items, space, ig_expr_str(b, "]"));
}
