#!/usr/bin/env python3
"""check_npz.py FILE.npz FILE.npy: NumPy reads what unit_npz wrote, and finds these values."""
import sys
import zipfile

import numpy as np

z = np.load(sys.argv[1])
assert zipfile.ZipFile(sys.argv[1]).testzip() is None
want = {
    "f32": np.arange(6, dtype="f4").reshape(2, 3) / 4,
    "i64": np.array([-(2**63), -1, 0, 2**63 - 1], "i8"),
    "bool": np.array([True, False]),
    "scalar": np.array(7, "u1"),
    "none": np.zeros((2, 0, 3), "f8"),
    "c128": np.array([1 + 2j], "c16"),
    "texts": np.array(["", "a", "日本🦊"]),
    "half/1:0": np.array([0x3F80, 0xC000], "u2"),
    "half/1:0.__dtype__": np.array("bfloat16"),
    "ünï": np.array([1.5], "f2"),
}
assert sorted(z.files) == sorted(want), z.files
for k, v in want.items():
    assert z[k].dtype == v.dtype and z[k].shape == v.shape and (z[k] == v).all(), (k, z[k], v)
a = np.load(sys.argv[2])
assert a.dtype == np.float32 and (a == want["f32"]).all()
print("numpy", np.__version__, "agrees")
