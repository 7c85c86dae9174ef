#!/usr/bin/env python3
"""What each CUDA kernel takes of a multiprocessor, held against tests/cuda/resources.tsv.

    tests/cuda/ptxas_resources.py [--write] [BUILD]

BUILD (default: build) holds the compiler's reports, BUILD/cuda/NAME.ptxas, of every
kernels/<op>/NAME_cuda*.cu. A kernel may use no stack and spill no register, every one says its
threads (__launch_bounds__, so that ptxas keeps registers x threads within the 65536 of a
multiprocessor), and nothing that ptxas warns of or advises may stand in a report: serialised wgmma,
a setmaxnreg that it ignored. The plugin has at most PLUGIN_MOST bytes. Registers and shared memory
are as in the table, where nvcc is the version that the table names. --write makes the table anew:
run it after changing kernels, and look at the difference. Exit 77: nothing was compiled for devices
here."""

import collections
import glob
import os
import re
import subprocess
import sys

TABLE = "tests/cuda/resources.tsv"
PLUGIN_MOST = 8 << 20
HEAD = "# source\tarch\tkernel\tregisters\tshared\tstack\tspilled"
ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\w+)'")
STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+)(?:\+(\d+))? bytes smem")
ADVICE = re.compile(r"warning|advisory|C75\d\d|serializ|Potential Performance Loss", re.I)
GLOBAL = re.compile(r"__global__(?!\s+(?:static\s+)?(?:void\s+)?__launch_bounds__)\s+\w+[^;{]*")


def nvcc_version(build):
    with open(os.path.join(build, "CMakeCache.txt")) as cache:
        nvcc = re.search(r"^INGOT_NVCC:\w+=(.*)$", cache.read(), re.M)
    if not nvcc or not os.path.exists(nvcc[1]):
        return None
    said = subprocess.run([nvcc[1], "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"release ([\d.]+)", said)[1]


def kernels_of(source, text):
    """[(source, arch, mangled name, registers, shared, stack, spilled)] of a report."""
    rows = []
    for part in re.split(r"(?=ptxas info\s+: Compiling entry)", text)[1:]:
        name, arch = ENTRY.search(part).groups()
        stack, stores, loads = map(int, STACK.search(part).groups())
        shared = SHARED.search(part)
        rows.append((source, arch, name, int(USED.search(part)[1]),
                     sum(int(x or 0) for x in shared.groups()) if shared else 0, stack, stores + loads))
    return rows


def demangled(rows):
    """The same with the kernels' names as the sources have them, without parameters."""
    names = "\n".join(r[2] for r in rows)
    plain = subprocess.run(["c++filt", "-p"], input=names, capture_output=True, text=True,
                           check=True).stdout.split("\n")
    return sorted((r[0], r[1], n) + r[3:] for r, n in zip(rows, plain))


def read_table():
    version, rows = None, collections.Counter()
    if not os.path.exists(TABLE):
        return version, rows
    with open(TABLE) as table:
        for line in table:
            if line.startswith("# nvcc "):
                version = line.split()[2]
            elif line.strip() and not line.startswith("#"):
                f = line.rstrip("\n").split("\t")
                rows[tuple(f[:3]) + tuple(map(int, f[3:]))] += 1
    return version, rows


def compiled(build):
    """All kernels, and what is wrong by itself."""
    rows, wrong = [], []
    for path in sorted(glob.glob("kernels/*/*_cuda*.cu")):
        name = os.path.splitext(os.path.basename(path))[0]
        report = os.path.join(build, "cuda", name + ".ptxas")
        if not re.search(r"_cuda(89|90)?$", name):
            continue
        if not os.path.exists(report):
            wrong.append(f"{path}: {report} is missing; build the target ingot_cuda")
            continue
        with open(report) as f:
            text = f.read()
        wrong += [f"{path}: {line.strip()}" for line in text.split("\n") if ADVICE.search(line)]
        rows += kernels_of(os.path.relpath(path, "kernels"), text)
    rows = demangled(rows)
    for source, arch, kernel, _, _, stack, spilled in rows:
        if stack or spilled:
            wrong.append(f"{source}: {kernel} ({arch}): {stack} bytes of stack, {spilled} spilled")
    for path in sorted(glob.glob("kernels/*/*.cu") + glob.glob("kernels/*/*.cuh")):
        with open(path) as f:
            wrong += [f"{path}: no __launch_bounds__: {' '.join(g.split())[:80]}"
                      for g in GLOBAL.findall(f.read())]
    return rows, wrong


def differences(rows, table):
    """Lines that say how the kernels differ from the table."""
    now = collections.Counter(rows)
    key = lambda r: r[:3]
    old = {key(r): r for r in table}
    said = []
    for r in sorted(now - table):
        if key(r) in old:
            was = old[key(r)]
            said.append(f"{r[0]}: {r[2]} ({r[1]}): {r[3]} registers, {r[4]} bytes shared; "
                        f"the table says {was[3]}, {was[4]}")
        else:
            said.append(f"{r[0]}: {r[2]} ({r[1]}) is not in the table")
    have = {key(r) for r in now}
    said += [f"{r[0]}: {r[2]} ({r[1]}) is in the table only"
             for r in sorted(table - now) if key(r) not in have]
    said += [f"{r[0]}: {r[2]} ({r[1]}) stands twice in the table"
             for r in sorted(table) if table[r] > now[r] > 0]
    return said


def main():
    write = "--write" in sys.argv[1:]
    build = ([a for a in sys.argv[1:] if a != "--write"] + ["build"])[0]
    if not glob.glob(os.path.join(build, "cuda", "*.ptxas")):
        print(f"skipped: {build} has no kernels compiled for devices (INGOT_CUDA=OFF, or no nvcc)")
        return 77
    version = nvcc_version(build)
    rows, wrong = compiled(build)
    plugin = os.path.join(build, "libingot_cuda.so")
    size = os.path.getsize(plugin) if os.path.exists(plugin) else 0
    if size > PLUGIN_MOST:
        wrong.append(f"{plugin} has {size} bytes, more than {PLUGIN_MOST}")
    if write:
        with open(TABLE, "w") as table:
            table.write(f"# nvcc {version}\n{HEAD}\n")
            table.writelines("\t".join(map(str, r)) + "\n" for r in rows)
    was_version, table = read_table()
    if was_version == version:
        wrong += differences(rows, table)
    else:
        print(f"nvcc is {version}, the table is of {was_version}: registers are not compared")
    for w in wrong:
        print(w)
    if wrong:
        print("to take over what the compiler says now: tests/cuda/ptxas_resources.py --write", build)
    most = max(rows, key=lambda r: r[3])
    print(f"{len(rows)} kernels, at most {most[3]} registers ({most[2]}); {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    sys.exit(main())
