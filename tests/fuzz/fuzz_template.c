/* fuzz_template.c - chat templates from anywhere: an error that says something, or a text; in
 * bounded time and memory, all of it back. */
#include "runtime/text/template/chat_template.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_endings = ".jinja";
long fuzz_taken;

enum { MEMORY = 512 << 20 };

static const char variables[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\" "
    "\\u00e9 "
    "\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"abcdef123\","
    "\"function\":"
    "{\"name\":\"f\",\"arguments\":{\"a\":[1,2.5,true,null]}}}]}],\"tools\":[{\"function\":{"
    "\"name\":"
    "\"f\",\"description\":\"d\",\"parameters\":{\"properties\":{\"a\":{\"type\":\"string\"}}}}}],"
    "\"add_generation_prompt\":true,\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bound b = {MEMORY};
    ig_heap heap;
    ig_chat_template *t = NULL;
    ig_bytes out;
    ingot_error err = {0};
    ig_heap_init(&heap, &(ingot_alloc){fuzz_alloc, &b});
    ig_bytes_init(&out, &heap);
    ingot_status s = ig_chat_template_open(&t, &heap, (const char *)data, size, &err);
    if (!s) s = ig_chat_template_render(&out, t, variables, sizeof variables - 1, 1, &err);
    if (s && !err.text[0]) abort(); /* a failure says what is wrong */
    if (s && out.n) abort();
    fuzz_taken += !s;
    ig_bytes_clear(&out);
    ig_chat_template_close(&t);
    if (atomic_load(&heap.live_bytes)) abort();
    return 0;
}
