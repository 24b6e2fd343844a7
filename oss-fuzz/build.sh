#!/bin/bash -eu
# What OSS-Fuzz runs in a checkout: the core is compiled without CMake, since flags and engine are the service's.
# By hand, with $OUT an empty folder outside of the checkout:
#   CXX=clang++ CXXFLAGS='-g -O1 -fsanitize=address,fuzzer-no-link' LIB_FUZZING_ENGINE=-fsanitize=fuzzer OUT=... oss-fuzz/build.sh
cd "$(dirname "$(readlink -f "$0")")/.."
[ -d cpp/src ] || cd "$SRC/corsac"

work=${WORK:-$(mktemp -d)}
objects=()
for source in cpp/src/*.cpp; do
  object=$work/$(basename "$source" .cpp).o
  $CXX $CXXFLAGS -std=c++20 -Icpp/include -c "$source" -o "$object"
  objects+=("$object")
done

for source in tests/fuzz/fuzz_*.cpp; do
  target=$(basename "$source" .cpp)
  $CXX $CXXFLAGS -std=c++20 -Icpp/include -Itests "$source" "${objects[@]}" $LIB_FUZZING_ENGINE -o "$OUT/$target"
  zip -qj "$OUT/${target}_seed_corpus.zip" tests/fuzz/corpus/"${target#fuzz_}"/*
  cp tests/fuzz/cors.dict "$OUT/$target.dict"
done
