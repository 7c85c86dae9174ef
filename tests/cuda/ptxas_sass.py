#!/usr/bin/env python3
"""Does the machine code of CUDA kernels hold the instructions that their sources ask for?

    tests/cuda/ptxas_sass.py [BUILD]

tests/cuda/sass.rules names kernels (a pattern for the demangled name without parameters) and what
must stand in each of them; a rule that no kernel matches is an error. No kernel at all may load from
the stack or store there (LDL, STL). Needs cuobjdump, which `tools/check --cuda` installs; exit 77:
there is none, or no plugin was built."""

import collections
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys

RULES = "tests/cuda/sass.rules"
FUNCTION = re.compile(r"^\s*Function : (\S+)")
# /*0090*/  @!P0 LDGSTS.E.BYPASS.128 [R9+0x2000], ... ;
INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:\{\s*)?(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_]*)")
STACK = {"LDL", "STL"}


def find_cuobjdump():
    for path in [shutil.which("cuobjdump"), "/usr/local/cuda/bin/cuobjdump",
                 *sorted(glob.glob(".venv/cuda/nvidia/*/bin/cuobjdump"))]:
        if path and os.access(path, os.X_OK):
            return path
    return None


def instructions(cuobjdump, plugin):
    """{(arch, mangled kernel): {mnemonic: count}}"""
    found, now, arch = {}, None, "?"
    dump = subprocess.Popen([cuobjdump, "--dump-sass", plugin], stdout=subprocess.PIPE, text=True)
    for line in dump.stdout:
        if "Function :" in line:
            now = found.setdefault((arch, FUNCTION.match(line)[1]), collections.Counter())
        elif line.startswith("arch = "):
            arch = line.split()[2]
        elif now is not None:
            m = INSTRUCTION.match(line)
            if m:
                now[m[1]] += 1
    if dump.wait() != 0:
        sys.exit(f"{cuobjdump} --dump-sass {plugin} failed")
    return found


def lacks(has, wanted):
    """Of MNEMONIC, or MNEMONIC:LEAST."""
    mnemonic, _, least = wanted.partition(":")
    return has[mnemonic] < int(least or 1)


def demangled(names):
    said = subprocess.run(["c++filt", "-p"], input="\n".join(names), capture_output=True, text=True,
                          check=True).stdout
    return dict(zip(names, said.split("\n")))


def main():
    build = (sys.argv[1:] + ["build"])[0]
    plugin = os.path.join(build, "libingot_cuda.so")
    cuobjdump = find_cuobjdump()
    if not os.path.exists(plugin):
        print(f"skipped: {plugin} was not built (INGOT_CUDA=OFF, or no nvcc)")
        return 77
    if not cuobjdump:
        print("skipped: no cuobjdump here; tools/check --cuda installs one into .venv")
        return 77
    found = instructions(cuobjdump, plugin)
    plain = demangled([name for _, name in found])
    wrong = []
    for (arch, name), has in found.items():
        if STACK & has.keys():
            wrong.append(f"{plain[name]} ({arch}) uses the stack: "
                         + ", ".join(f"{has[s]} {s}" for s in sorted(STACK & has.keys())))
    with open(RULES) as f:
        rules = [line.split("\t") for line in f.read().split("\n") if line and line[0] != "#"]
    for pattern, wanted in rules:
        matching = [k for k in found if fnmatch.fnmatchcase(plain[k[1]], pattern)]
        if not matching:
            wrong.append(f"{RULES}: no kernel is called {pattern}")
        for arch, name in matching:
            missing = [w for w in wanted.split() if lacks(found[arch, name], w)]
            if missing:
                wrong.append(f"{plain[name]} ({arch}) has no {', '.join(missing)}")
    for w in wrong:
        print(w)
    total = sum(sum(has.values()) for has in found.values())
    print(f"{len(found)} kernels, {total} instructions, {len(rules)} rules; {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    sys.exit(main())
