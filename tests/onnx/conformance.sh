#!/bin/bash
# conformance.sh ONNX-CASES FOLDER ARCHIVE [OPTION...] - unpack ONNX's backend cases into FOLDER and run them:
# at least 90 % must pass, none may crash. Exit status 77, skipped: the archive is not there.
set -eu
runner=$1 folder=$2 archive=$3
shift 3
if [ ! -f "$archive" ]; then
    echo "skipped: no ../shared/conformance/onnx-backend-shared.tar.xz beside the checkout"
    exit 77
fi
if [ ! -f "$folder/unpacked" ]; then
    mkdir -p "$folder"
    tar -xJf "$archive" -C "$folder"
    touch "$folder/unpacked"
fi
exec "$runner" --min 0.9 "$@" "$folder"
