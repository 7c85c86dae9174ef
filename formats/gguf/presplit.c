/* presplit.c - see presplit.h. The patterns are those that the models were trained with, as their
 * tokenizer.json files give them. */
#include "formats/gguf/presplit.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

// clang-format off
#define GPT2   "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define SUFFIX "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define REST   "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER  "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER  "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
/* Letters with case, mathematical ones aside. */
#define CASED  "(?:(?![\\x{1d400}-\\x{1d7cb}])[\\p{Lu}\\p{Ll}\\p{Lt}])"

static const ig_presplit known[] = {
    {{"gpt-2", "gpt2", "mpt", "olmo", "jais", "trillion", "granite-docling", "roberta-bpe", "phi-2",
      "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "a.x-4.0", "modern-bert"},
     {GPT2}, false},
    {{"llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "dbrx", "smaug-bpe", "lfm2"},
     {SUFFIX "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}" REST}, true},
    {{"qwen2", "stablelm2", "hunyuan", "megrez", "deepseek-r1-qwen"},
     {SUFFIX "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" REST}, false},
    {{"chatglm-bpe", "glm4"},
     {SUFFIX "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}" REST}, false},
    {{"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"},
     {"\\p{N}", GPT2}, false},
    {{"falcon"},
     {"[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]"}, false},
    {{"deepseek-llm"},
     {"[\\r\\n]", "\\s?" CASED "+", "\\s?[!-/:-~！-／：-～‘-‟　-。]+", "\\s+$",
      "[一-龥ࠀ-一가-퟿]+|\\p{N}+"}, false},
    {{"deepseek-coder"},
     {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥ࠀ-一가-퟿]+", "\\p{N}"}, false},
    {{"deepseek-v3"},
     {"\\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
      " ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, false},
    {{"gpt-4o", "llama4", "o200k"},
     {"[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" SUFFIX "?|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER
      "*" SUFFIX "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, false},
    {{"tekken"},
     {"[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER
      "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, true},
    {{"default", ""},
     {"[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}, false},
};
// clang-format on

const ig_presplit *ig_presplit_find(ingot_str name)
{
    for (size_t i = 0; i < IG_LEN(known); i++)
        for (const char *const *k = known[i].names; k < known[i].names + 16 && *k; k++)
            if (strlen(*k) == name.n && !memcmp(*k, name.p, name.n)) return &known[i];
    return NULL;
}

void ig_presplit_names(char *text, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < IG_LEN(known); i++)
        for (const char *const *k = known[i].names; k < known[i].names + 16 && *k; k++)
            if (**k && at < n)
                at += (size_t)snprintf(text + at, n - at, "%s%s", at ? ", " : "", *k);
}
