#!/usr/bin/env python3
"""Do kernels that are started before the one in front has ended wait for it?

    tests/cuda/ptxas_ahead.py [BUILD]

Reads the sources only. Every kernel that a launcher gives to cu_start_ahead (launch_as.cuh) has to
begin with px_grid_wait(): on all its ways, before it reads or writes anything."""

import glob
import os
import re
import sys

STARTED = re.compile(r"\bcu_start_ahead\(\s*(\w+)")
KERNEL = re.compile(r"__global__([^;{]*)\{\s*((?:#[^\n]*\n\s*)*)([^;]*;)")


def main():
    started, first = {}, {}
    for path in sorted(glob.glob("kernels/*/*.cu") + glob.glob("kernels/*/*.cuh")):
        with open(path) as f:
            text = re.sub(r"//[^\n]*", "", f.read())
        for name in STARTED.findall(text):
            if name != "void":  # cu_start_ahead itself
                started.setdefault(name, path)
        for head, _, statement in KERNEL.findall(text):
            first[re.findall(r"(\w+)\s*\(", head)[-1]] = " ".join(statement.split())
    wrong = [f"{path}: {name} is started ahead and " + (f"begins with: {first[name]}"
                                                       if name in first else "was not found")
             for name, path in sorted(started.items()) if first.get(name) != "px_grid_wait();"]
    for w in wrong:
        print(w)
    print(f"{len(started)} kernels are started ahead; {len(wrong)} do not wait")
    return 1 if wrong or not started else 0


if __name__ == "__main__":
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    sys.exit(main())
