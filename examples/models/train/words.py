"""The encoder's featurizer: text to ids, simple enough to write again in any language.

1. Lower-case ASCII letters; a word is a longest run of ASCII letters, digits, apostrophes and bytes
   above 127 (so UTF-8 words stay whole). Everything else separates.
2. id = 1 + FNV-1a(bytes of the word, 32 bits) mod 4095. Id 0 is padding.
3. At most 64 ids are kept. A text without any word is the single id 0 (with mask 1).
"""
import re

import numpy as np

VOCAB, MAX_WORDS = 4096, 64


def fnv1a(data):
    h = 0x811C9DC5
    for b in data:
        h = ((h ^ b) * 0x01000193) & 0xFFFFFFFF
    return h


def ids_of(text):
    words = re.findall(rb"[a-z0-9'\x80-\xff]+", text.encode().lower())  # bytes.lower() is ASCII only
    return [1 + fnv1a(w) % (VOCAB - 1) for w in words[:MAX_WORDS]] or [0]


def batch_of(texts):
    """(ids, mask), both int64 [N, longest]"""
    rows = [ids_of(t) for t in texts]
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    mask = np.zeros_like(ids)
    for i, r in enumerate(rows):
        ids[i, :len(r)] = r
        mask[i, :len(r)] = 1
    return ids, mask
