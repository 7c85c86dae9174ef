#!/usr/bin/env python3
"""Writes the small .npy and .npz files that the reader's tests use, with NumPy and zipfile.

Run in this folder; the files are committed, so that tests need no Python. Element k of a numeric
array is k - 2 (signed, float), k + 250 (unsigned; modulo 256 for 8 bits), k % 2 == 0 (bool), (k - 2) + 1j * k (complex).
"""
import io
import struct
import sys
import zipfile

import numpy as np

NUMERIC = "b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()


def values(code, n):
    k = np.arange(n)
    if code == "b1":
        return k % 2 == 0
    if code[0] == "u":
        return (k + 250).astype(np.dtype(code))
    if code[0] == "c":
        return ((k - 2) + 1j * k).astype(code)
    return (k - 2).astype(code)


def member(z, name, array, **how):
    b = io.BytesIO()
    np.lib.format.write_array(b, array, allow_pickle=False, **how)
    info = zipfile.ZipInfo(name + ".npy")  # a fixed date: the files come out the same each time
    z.writestr(info, b.getvalue(), z.compression)


class Pipe(io.RawIOBase):
    """An output that cannot seek: zipfile then writes data descriptors."""

    def __init__(self, f):
        self.f = f

    def writable(self):
        return True

    def write(self, b):
        return self.f.write(b)


def numbers():
    with zipfile.ZipFile("npy_numbers.npz", "w") as z:
        for c in NUMERIC:
            v = values(c, 24).reshape(2, 3, 4)
            member(z, "little_" + c, v.astype(v.dtype.newbyteorder("<")))
            member(z, "big_" + c, v.astype(v.dtype.newbyteorder(">")))
            member(z, "fortran_" + c, np.asfortranarray(v))
        member(z, "scalar", np.float32(2.5).reshape(()))
        member(z, "none", np.zeros((0, 3), np.int16))
        member(z, "none_inside", np.zeros((3, 0, 2), ">f8"))
        member(z, "rank8", np.arange(2, dtype="f4").reshape(1, 1, 1, 2, 1, 1, 1, 1))


def strings():
    words = np.array([["", "a", "déjà"], ["日本", "🦊x", "tail"]])
    with zipfile.ZipFile("npy_strings.npz", "w") as z:
        member(z, "little", words)
        member(z, "big", words.astype(words.dtype.newbyteorder(">")))
        member(z, "fortran", np.asfortranarray(words))
        member(z, "bytes", np.array([[w.encode() for w in row] for row in words]))
        member(z, "scalar", np.array("one"))
        member(z, "none", np.zeros((0,), "U5"))


def archives():
    plain = np.arange(2000, dtype="i4")
    noise = np.random.default_rng(7).integers(0, 256, 3000, dtype="u1")
    np.savez_compressed("npz_deflated.npz", plain=plain, noise=noise, empty=np.zeros(0))
    with open("npz_descriptor.npz", "wb") as f, zipfile.ZipFile(Pipe(f), "w", zipfile.ZIP_DEFLATED) as z:
        member(z, "plain", plain)
    with open("npz_stored_descriptor.npz", "wb") as f, zipfile.ZipFile(Pipe(f), "w") as z:
        member(z, "plain", plain[:20])
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 10, 1
    with zipfile.ZipFile("npz_zip64.npz", "w") as z:
        z.comment = b"a comment behind the end"
        member(z, "plain", plain[:20])
        member(z, "again", plain[:20] + 1)
    np.savez("npz_empty.npz")
    with zipfile.ZipFile("npz_bzip2.npz", "w", zipfile.ZIP_BZIP2) as z:
        z.writestr(zipfile.ZipInfo("plain.npy"), b"x" * 200, zipfile.ZIP_BZIP2)


def types():
    np.savez(
        "npz_types.npz",
        **{
            "h": np.array([0x3F80, 0xC000], "u2"),
            "h.__dtype__": np.array("bfloat16"),
            "q": np.array([-8, 7, 0], "i1"),
            "q.__dtype__": np.array("int4"),
            "e.__dtype__": np.array("float8_e4m3fn"),
            "e": np.array([0x38], "u1"),
            "f.__dtype__": np.array("float32"),
            "f": np.array([1.5], "f4"),
        },
    )


def headers():
    v = np.arange(6, dtype="f4").reshape(2, 3)
    for version in (1, 2, 3):
        with open(f"npy_v{version}.npy", "wb") as f:
            np.lib.format.write_array(f, v, version=(version, 0))
    text = b'{"shape":(2L,3L,),"fortran_order":False,"descr":"<f4"}\n'  # by an older hand
    with open("npy_old.npy", "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + v.tobytes())
    np.save("npy_object.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save("npy_record.npy", np.zeros(2, [("a", "<f4"), ("b", "<i4")]))
    np.save("npy_void.npy", np.zeros(2, "V2"))
    np.save("npy_date.npy", np.zeros(2, "M8[s]"))


if __name__ == "__main__":
    numbers()
    strings()
    archives()
    types()
    headers()
    sys.exit(0)
