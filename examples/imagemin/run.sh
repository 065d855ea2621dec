#!/bin/sh
# Run imagemin-pngquant, from npm, over a folder with pimenton in the place of its binary.
# usage: run.sh WORK COMMAND IN OUT
set -eu
work=$1 command=$2 in=$3 out=$4
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
# Without its scripts npm neither loads a binary nor builds one.
npm install --prefix "$work" --ignore-scripts --no-audit --silent imagemin@9 imagemin-pngquant@10 ||
    { echo "npm install failed" >&2; exit 1; }
mkdir -p "$work/node_modules/pngquant-bin/vendor"
ln -sf "$command" "$work/node_modules/pngquant-bin/vendor/pngquant"
cp "$here/run.mjs" "$work/run.mjs"
node "$work/run.mjs" "$in" "$out"
