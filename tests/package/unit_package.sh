# unit_package.sh - programs outside the tree build against an installed prefix, in C through pkg-config
# and in C and C++ through find_package, and run; only ingot_ names leave the library.
set -eu
build=$INGOT_BIN/..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if grep -q '^INGOT_SANITIZE:[A-Z]*=.\+' "$build/CMakeCache.txt"; then
    echo "skipped: sanitizers need the whole program built with them"
    exit 77
fi
for tool in cmake pkg-config cc c++; do
    command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
prefix=$work/prefix
cmake --install "$build" --prefix "$prefix" >"$work/log" || { tail "$work/log"; exit 1; }

mkdir "$work/out"
cat >"$work/out/t.c" <<'C'
#include <ingot.h>
#include <ingot_convert.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    ingot_error err;
    ingot_runtime *rt;
    ingot_model *model;
    ingot_session *s;
    float image[64] = {0}, score[10], sum = 0;
    if (argc < 3) return 2;
    if (ingot_convert_file(argv[2], argv[1], NULL, &err) || ingot_runtime_open(&rt, NULL, &err) ||
        ingot_model_open(&model, rt, argv[2], NULL, &err) ||
        ingot_session_open(&s, model, NULL, &err))
        return puts(err.text), 1;
    ingot_tensor in = ingot_view_f32(image, 4, (int64_t[]){1, 1, 8, 8});
    ingot_tensor out = ingot_view_f32(score, 2, (int64_t[]){1, 10});
    if (ingot_session_run(s, &out, 1, &in, 1, &err)) return puts(err.text), 1;
    for (int i = 0; i < 10; i++) sum += score[i];
    ingot_session_close(&s), ingot_model_close(&model), ingot_runtime_close(&rt);
    return printf("sum %.3f\n", (double)sum), !(sum > 0.99f && sum < 1.01f);
}
C
cat >"$work/out/t.cc" <<'C'
#include <ingot.hpp>
#include <cstdio>

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    ingot::Runtime rt(1);
    ingot::Model model(rt, argv[1]);
    ingot::Session session(model);
    std::vector<float> image(64), score = session.run<float>(image, {1, 1, 8, 8});
    std::printf("%s %zu\n", model.meta("name").c_str(), score.size());
    return score.size() != 10;
}
C
cat >"$work/out/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.25)
project(outside C CXX)
find_package(Ingot REQUIRED)
add_executable(c t.c)
target_link_libraries(c Ingot::ingot Ingot::ingot_convert)
add_executable(cc t.cc)
target_compile_features(cc PRIVATE cxx_std_17)
target_link_libraries(cc Ingot::ingot)
C
onnx=$PWD/examples/models/digits_cnn.onnx

echo "pkg-config"
export PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name ingot.pc)")
libdir=$(pkg-config --variable=libdir ingot)
# (eval: the flags are words, in which pkg-config escapes spaces)
eval "cc -std=c11 -Wall -Werror '$work/out/t.c' $(pkg-config --cflags --libs ingot) -lingot_convert -Wl,-rpath,$libdir -o '$work/t'"
"$work/t" "$onnx" "$work/t.ingot"
eval "c++ -std=c++17 -Wall -Werror '$work/out/t.cc' $(pkg-config --cflags --libs ingot) -Wl,-rpath,$libdir -o '$work/tt'"
"$work/tt" "$work/t.ingot"

echo "find_package"
cmake -G Ninja -S "$work/out" -B "$work/out/b" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" || { tail "$work/log"; exit 1; }
cmake --build "$work/out/b" >"$work/log" || { tail -n 30 "$work/log"; exit 1; }
"$work/out/b/c" "$onnx" "$work/u.ingot"
"$work/out/b/cc" "$work/u.ingot"

echo "exported names"
lib=$(find "$prefix" -name 'libingot.so*' -type f | head -n 1)
bad=$(nm -D --defined-only "$lib" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' | grep -vE '^(ingot_|_init$|_fini$)' || true)
[ -z "$bad" ] || { echo "FAIL: these leave the library: $bad"; exit 1; }
[ "$(nm -D --defined-only "$lib" | grep -c ' ingot_')" -ge 20 ] || { echo "FAIL: too few names"; exit 1; }

echo "the installed command"
"$prefix/bin/ingot" --version
"$prefix/bin/ingot" inspect "$work/t.ingot" >/dev/null
for page in ingot ingot-convert ingot-run; do [ -s "$prefix/share/man/man1/$page.1" ] || { echo "FAIL: no manual page $page"; exit 1; }; done
