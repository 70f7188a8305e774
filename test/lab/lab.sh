#!/bin/sh
# npm run lab, lab:test, demo:cluster: lab.sh PROGRAM ARGUMENT…, a program of test/lab, after its set-up, as root.
set -eu
cd "$(dirname "$0")/../.."
sh test/setup.sh
sh test/lab/setup.sh
program=$1
shift
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # which a user's PATH lacks on Debian
mkdir -p "${XDG_CACHE_HOME:-$HOME/.cache}/rehome/images" # before sudo, so that it is the user's
set -- "$(command -v node)" --import tsx "test/lab/$program.ts" "$@"
[ "$(id -u)" = 0 ] && exec "$@"
exec sudo env PATH="$PATH" HOME="$HOME" ${XDG_CACHE_HOME:+XDG_CACHE_HOME="$XDG_CACHE_HOME"} "$@"
