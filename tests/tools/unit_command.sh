# unit_command.sh - the `ingot` command as users meet it: exit codes, errors, help, generated files.
set -u
ingot=$INGOT_BIN/ingot
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# expect CODE REGEX arguments... : that exit code, and the regex in the one stream that matters
# (standard output when CODE is 0, else standard error, whose one line begins with "ingot: ").
expect() {
    local code=$1 regex=$2 got stream=err
    shift 2
    "$ingot" "$@" >"$work/out" 2>"$work/err"
    got=$?
    [ "$code" -eq 0 ] && stream=out
    if [ "$got" -ne "$code" ] || ! grep -Eq -- "$regex" "$work/$stream"; then
        echo "FAIL: ingot $*: exit $got (want $code), want /$regex/ in:"
        cat "$work/$stream"
        failed=1
    fi
    if [ "$code" -ne 0 ] && [ "$(grep -c '^ingot: ' "$work/err")" -ne 1 ]; then
        echo "FAIL: ingot $*: no line 'ingot: ...' on standard error"
        failed=1
    fi
}

expect 0 '^ingot [0-9]+\.[0-9]+\.[0-9]+$' --version
expect 0 '^usage: ingot' -h
expect 0 '^usage: ingot' help
expect 0 'exit codes' --help
expect 2 'nonsense: unknown subcommand' nonsense
expect 2 'did you mean doctor' docter
expect 2 'unknown option' --nonsense
expect 2 'unknown subcommand' help nonsense
expect 2 'one subcommand' help doctor doctor
expect 2 'did you mean --json' doctor --josn
expect 2 'one argument too many' doctor extra
expect 2 'bash or zsh' __completion fish
expect 2 'subcommand' __man nonsense
"$ingot" >"$work/out" 2>&1 && { echo "FAIL: ingot alone succeeds"; failed=1; }

for name in $("$ingot" -h | sed -n '/^commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p' | grep -v '^help$'); do
    expect 0 "^usage: ingot $name" "$name" -h
    expect 0 "^usage: ingot $name" help "$name"
    expect 0 "^.TH INGOT-${name^^} 1" __man "$name"
    commands="${commands:-} $name"
done
[[ ${commands:-} == *doctor* ]] || { echo "FAIL: no commands in help"; failed=1; }

expect 0 'level' doctor
expect 0 '"in_use": \[' doctor --json
INGOT_CPU_ISA=ref expect 0 '"level": "ref"' doctor --json
INGOT_CPU_ISA=sse9 expect 0 'unknown level .on this processor: ref' doctor

if command -v python3 >/dev/null; then
    "$ingot" doctor --json | python3 -m json.tool >/dev/null || { echo "FAIL: doctor --json is not JSON"; failed=1; }
fi
if command -v man >/dev/null; then
    for name in ingot $commands; do
        "$ingot" __man "$name" >"$work/page.1"
        # no warnings from the formatter
        [ -z "$(MANROFFSEQ='' man --warnings -E UTF-8 -l "$work/page.1" 2>&1 >/dev/null)" ] || { echo "FAIL: man page of $name"; failed=1; }
    done
fi

# The bash completion completes commands, options, choices.
complete_words() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _ingot
    echo "${COMPREPLY[*]}"
}
"$ingot" __completion bash >"$work/bash" && . "$work/bash"
[ "$(complete_words ingot doc)" = doctor ] || { echo "FAIL: completion of doc"; failed=1; }
[ "$(complete_words ingot doctor --j)" = --json ] || { echo "FAIL: completion of doctor --j"; failed=1; }
"$ingot" __completion zsh >"$work/zsh"
if command -v zsh >/dev/null; then zsh -n "$work/zsh" || { echo "FAIL: zsh completion"; failed=1; }; fi

# A full disk behind standard output is an error, not silence.
if [ -w /dev/full ]; then
    "$ingot" doctor >/dev/full 2>"$work/err"
    [ $? -eq 1 ] && grep -q '^ingot: standard output' "$work/err" || { echo "FAIL: output to a full disk"; failed=1; }
fi
exit $failed
