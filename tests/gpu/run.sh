#!/usr/bin/env bash
# Runs `gtn`, built with the feature `cuda`, on an emulated GPU: a small replacement for the CUDA driver and cuBLAS that
# runs the kernels on the host. This checks that the program finds its libraries and calls CUDA and cuBLAS correctly. It
# says nothing about speed.
#
#   cargo build --release --package gtn-cli --features cuda
#   tests/gpu/run.sh target/release/gtn doctor --device cuda --depth quick
#
# Requires g++ 11 or newer. With GTN_NO_GPU=1 the driver reports no GPU.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kernels=$here/../../crates/gtn-models/src/gpu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
g++ -std=c++20 -O3 -march=native -fassociative-math -fno-signed-zeros -fno-trapping-math -U_FORTIFY_SOURCE -Wall -Wextra -shared -fPIC \
    -I "$kernels" -o "$folder/libcuda.so.1" "$here/driver.cpp" "$kernels/emulated.cpp"
for major in 12 13; do
    for library in libcublas libcublasLt; do
        ln -s libcuda.so.1 "$folder/$library.so.$major"
    done
done
ln -s libcuda.so.1 "$folder/libcurand.so.10"
LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$@"
