#!/usr/bin/env python3
"""Make tests/text/data/*: tiny tokenizers of every kind with what Hugging Face's library makes of many texts.

Needs the tokenizers package. The texts are ours (docs/, and characters drawn from all over Unicode); the files are
committed, so that a fresh clone tests its tokenizers without downloads.
"""
import glob
import json
import os
import random
import struct
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
DOCS = [open(f, encoding="utf-8").read() for f in sorted(glob.glob(f"{HERE}/../../../docs/*.md"))]
FOREIGN = ["Größe naïve façade Ångström œuvre", "Быстрая лиса прыгает", "東京は日本の首都です。", "مرحبا بالعالم", "שלום עולם",
           "नमस्ते दुनिया", "한국어 문장", "👩‍👩‍👧 🇩🇪 ❤️ 🤦🏽‍♂️", "Ⅷ ½ ② ﬁ ﬂ K", "e\u0301 a\u0308 \u1e9b\u0323"]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")


def texts():
    draw = random.Random(7)
    out = ["", " ", "  ", "\n", "\t\t", " \n \n", "a", " a", "a ", "Hello world", "Hello  world!", "don't we'll I'M",
           "x=1;y=22;z=333;w=4444", "<s>", "a<mask>b", "a <mask> b", " <mask>", "end</s>", "wordtok wordtoks swordtok",
           "1234567890", "-------", "...,,,!!!", "CamelCaseWord", "snake_case_word", "http://example.org/?q=1&r=2",
           "line one\nline two\r\nline three", "    indented\n\tcode {\n}\n", "\u00a0nbsp\u3000wide", "\u200bzero\u200dwidth",
           "\u180emongolian", "\x00nul\x01", "a\u2581b \u2581 c", "\ufeffbom", "\U0001f600" * 3]
    out += FOREIGN
    for doc in DOCS[:3]:
        for _ in range(4):
            at = draw.randrange(len(doc) - 80)
            out.append(doc[at:at + draw.randrange(5, 80)])
    for _ in range(25):
        n = draw.randrange(1, 12)
        chars = []
        while len(chars) < n:
            c = chr(draw.choice([draw.randrange(0x20, 0x7f), draw.randrange(0xa0, 0x2000), draw.randrange(0x2000, 0xd000),
                                 draw.randrange(0x1f300, 0x1f600)]))
            # Libraries differ in the Unicode version they know: only characters that all of them do.
            if unicodedata.category(c) not in ("Cn", "Cs", "Co") and unicodedata.ucd_3_2_0.category(c) != "Cn":
                chars.append(c)
        out.append("".join(chars))
    return out


def byte_level():
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(DOCS + FOREIGN, trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    t.add_tokens([AddedToken("wordtok", single_word=True), AddedToken("    ", normalized=False)])
    t.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return t


def split_pattern():
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(DOCS + FOREIGN, trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", special_tokens=[("<s>", 0)])
    return t


def byte_fallback():
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                   decoders.Strip(" ", 1, 0)])
    words = [w for d in DOCS for w in d.replace(" ", " ▁").split(" ")]
    t.train_from_iterator(words, trainers.BpeTrainer(
        vocab_size=800, special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]))
    t.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A </s> $B:1", special_tokens=[("<s>", 1), ("</s>", 2)])
    return t


def wordpiece():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(DOCS + FOREIGN, trainers.WordPieceTrainer(vocab_size=600, special_tokens=["[UNK]", "[CLS]", "[SEP]"]))
    t.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return t


def unigram():
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    t.decoder = decoders.Metaspace(prepend_scheme="first")
    t.train_from_iterator(DOCS + FOREIGN, trainers.UnigramTrainer(vocab_size=500, special_tokens=["<unk>", "</s>"],
                                                                  unk_token="<unk>"))
    t.add_special_tokens([AddedToken("<mask>", rstrip=True)])
    t.post_processor = processors.TemplateProcessing("$A </s>", "$A </s> $B </s>", special_tokens=[("</s>", 1)])
    return t


def words():
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True),
                                               pre_tokenizers.Punctuation("contiguous")])
    t.train_from_iterator(DOCS, trainers.WordLevelTrainer(vocab_size=300, special_tokens=["[UNK]"]))
    return t


def text(t):
    return struct.pack("<Q", len(t.encode())) + t.encode()


def gguf(path, values):
    """A GGUF file without tensors."""
    def value(v):
        if isinstance(v, bool):
            return struct.pack("<I?", 7, v)
        if isinstance(v, int):
            return struct.pack("<II", 4, v)
        if isinstance(v, str):
            return struct.pack("<I", 8) + text(v)
        kind = {str: 8, float: 6, int: 5}[type(v[0])]
        items = b"".join(text(x) if kind == 8 else struct.pack("<f" if kind == 6 else "<i", x) for x in v)
        return struct.pack("<IIQ", 9, kind, len(v)) + items
    with open(path, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(values)))
        f.write(b"".join(text(k) + value(v) for k, v in values.items()))


def other_formats():
    """The same vocabularies as GGUF and SentencePiece files: seeds of the fuzzer."""
    vocab = json.load(open(f"{HERE}/byte_fallback.json"))["model"]["vocab"]
    kinds = [2, 3, 3] + [6] * 256 + [1] * (len(vocab) - 259)
    pieces = sorted(vocab, key=vocab.get)
    scores = [0.0] * 259 + [-float(i) for i in range(len(vocab) - 259)]
    gguf(f"{HERE}/llama.gguf", {"general.architecture": "llama", "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": pieces,
                                "tokenizer.ggml.scores": scores, "tokenizer.ggml.token_type": kinds,
                                "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.add_bos_token": True})
    model = json.load(open(f"{HERE}/byte_level.json"))["model"]
    gguf(f"{HERE}/gpt2.gguf", {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2",
                               "tokenizer.ggml.tokens": sorted(model["vocab"], key=model["vocab"].get),
                               "tokenizer.ggml.token_type": [3, 3] + [1] * (len(model["vocab"]) - 2),
                               "tokenizer.ggml.merges": [" ".join(m) for m in model["merges"]]})
    with open(f"{HERE}/bpe.model", "wb") as f:
        for piece, score, kind in zip(pieces, scores, kinds):
            raw = piece.encode()
            inner = b"\x0a" + bytes([len(raw)]) + raw + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind])
            f.write(b"\x0a" + bytes([len(inner)]) + inner)
        f.write(b"\x12\x05\x18\x02\x98\x02\x01")  # trainer: BPE, byte fallback
        f.write(b"\x1a\x02\x20\x00")  # normalizer: keep spaces


def main():
    for make in (byte_level, split_pattern, byte_fallback, wordpiece, unigram, words):
        t = make()
        name = make.__name__
        t.save(f"{HERE}/{name}.json", pretty=False)
        t = Tokenizer.from_file(f"{HERE}/{name}.json")
        cases = []
        for text in texts():
            ids = t.encode(text, add_special_tokens=False).ids
            cases.append({"text": text, "ids": ids, "ids_special": t.encode(text).ids,
                          "decoded": t.decode(ids, skip_special_tokens=False)})
        with open(f"{HERE}/{name}.golden.json", "w", encoding="utf-8") as f:
            json.dump({"library": "tokenizers " + __import__("tokenizers").__version__, "cases": cases}, f, ensure_ascii=True,
                      separators=(",", ":"))
            f.write("\n")
        print(name, len(cases), os.path.getsize(f"{HERE}/{name}.json"))
    other_formats()


main()
