/* speak.h - the tokenizer in a model file, for the commands. */
#ifndef IG_TOOL_SPEAK_H
#define IG_TOOL_SPEAK_H

#include "formats/ingot/ingot_file.h"

/* ig_check_tokenizer - INGOT_OK when the file holds none, or one that opens. */
ingot_status ig_check_tokenizer(const ig_ingot *f, ig_heap *heap, ingot_error *err);

/* ig_describe_tokenizer - "BPE, 50,257 pieces, 50,000 merges, 1 added token"; "" when there is
 * none. Returns text. */
const char *ig_describe_tokenizer(char *text, size_t room, const ig_ingot *f, ig_heap *heap);

#endif
