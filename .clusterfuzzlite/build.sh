#!/usr/bin/env bash
# Builds every fuzz target into $OUT, with the agent beside them and a seed corpus for each family of pools. ClusterFuzzLite runs it in
# the image of the Dockerfile next to it; `--dev` builds without optimisation, which is what a test does.
set -euo pipefail
cd "$SRC/poolproof"

case "${1:---release}" in
    --dev) agent=() fuzzers=(--dev) folder=debug ;;
    *) agent=(--release) fuzzers=(--release) folder=release ;;
esac
# cargo-fuzz knows its sanitizer's flags; `coverage` and the like come by RUSTFLAGS.
case "${SANITIZER:-none}" in
    address | memory | thread | leak) sanitizer=$SANITIZER ;;
    *) sanitizer=none ;;
esac

# The agent stays ordinary: no instrumentation reaches a pool.
env -u RUSTFLAGS -u CFLAGS -u CXXFLAGS cargo build "${agent[@]}" --bin poolproof
cargo fuzz build "${fuzzers[@]}" --sanitizer "$sanitizer"
cp "target/$folder/poolproof" "$OUT/"

seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
"$OUT/poolproof" corpus bytes harness/scenarios "$seeds"
triple=$(rustc -vV | sed -n 's/^host: //p')
for target in $(cargo fuzz list); do
    cp "fuzz/target/$triple/$folder/$target" "$OUT/"
    case $target in
        wire_* | embedded_*) ;;
        text) zip -jq "$OUT/text_seed_corpus.zip" harness/scenarios/*.interleaving ;;
        *) zip -jq "$OUT/${target}_seed_corpus.zip" "$seeds"/* ;;
    esac
done
