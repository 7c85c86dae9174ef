/* mistral.c - Mistral (Jiang et al. 2023): Llama with a window over all layers. */
#include "formats/llm/families/families.h"

static void describe(ig_hub *h)
{
    ig_hub_describe_llama(h);
    ig_hub_windows(h, ig_hub_window(h, 4096), ig_hub_slides_always);
}

const ig_family ig_family_mistral = {.names = {"mistral"}, .describe = describe};
