#!/bin/sh
# npm run demo: sets everything up, then runs the demo as root. Flags are explained by --help.
set -eu
sh "$(dirname "$0")/../setup.sh"
cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # which a user's PATH lacks on Debian
mkdir -p "${XDG_CACHE_HOME:-$HOME/.cache}/rehome/images" # before sudo, so that it is the user's
if [ "$(id -u)" = 0 ]; then
  exec node --import tsx test/demo/main.ts "$@"
fi
echo 'demo: the demo makes network and mount namespaces of its own, so it runs as root' >&2
exec sudo env PATH="$PATH" HOME="$HOME" ${XDG_CACHE_HOME:+XDG_CACHE_HOME="$XDG_CACHE_HOME"} \
  "$(command -v node)" --import tsx test/demo/main.ts "$@"
