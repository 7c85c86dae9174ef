# need.sh - sourced by the scripts: Debian packages that are missing are named, then installed.

say() { printf '\n\033[1m== %s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi; }

# need what:package... - what is a command, or a header (ends in .h). Installs all that is missing at
# once, as root or through sudo; without either it says what to run.
need() {
    local pair what missing=() as=()
    for pair in "$@"; do
        what=${pair%%:*}
        case $what in
        *.h) printf '#include <%s>\n' "$what" | ${CC:-cc} -E -x c - >/dev/null 2>&1 || missing+=("${pair#*:}") ;;
        *) command -v "$what" >/dev/null || missing+=("${pair#*:}") ;;
        esac
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if ! command -v apt-get >/dev/null; then
        echo "missing (names of Debian packages): ${missing[*]}" >&2
        return 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "missing; as root run: apt-get install ${missing[*]}" >&2
            return 1
        fi
        as=(sudo)
    fi
    say "installing ${missing[*]}"
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# What a release build wants. The compiler comes first: headers are looked for with it.
need_build() {
    need cc:gcc c++:g++ cmake:cmake ninja:ninja-build pkg-config:pkg-config
    need pcre2-config:libpcre2-dev utf8proc.h:libutf8proc-dev jansson.h:libjansson-dev hwloc.h:libhwloc-dev cblas.h:libopenblas-dev zstd.h:libzstd-dev xxhash.h:libxxhash-dev zlib.h:zlib1g-dev
}

# numpy_python - prints a Python that has NumPy (references of some tests); installs Debian's when there is none.
numpy_python() {
    local py
    for py in .venv/bin/python python3 /usr/bin/python3; do
        command -v "$py" >/dev/null && "$py" -c 'import numpy' 2>/dev/null && { command -v "$py"; return; }
    done
    need no-numpy:python3-numpy >&2
    echo /usr/bin/python3
}

# configure DIR options... - a build folder keeps the generator that it was made with.
configure() {
    local dir=$1
    shift
    if [ -f "$dir/CMakeCache.txt" ]; then cmake -B "$dir" -S . "$@"; else cmake -B "$dir" -S . -G Ninja "$@"; fi
}

# build DIR targets... - quiet where nobody watches, the warnings and errors excepted.
build() {
    local dir=$1
    shift
    if [ -t 1 ]; then cmake --build "$dir" --parallel ${1:+--target "$@"}; else
        cmake --build "$dir" --parallel ${1:+--target "$@"} >"$dir/build.log" 2>&1 || { tail -n 40 "$dir/build.log"; return 1; }
    fi
}
