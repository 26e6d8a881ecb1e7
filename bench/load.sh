#!/usr/bin/env bash
# A load on a server of its own with scripted providers (VAD and codecs are real): bench/load.sh CALLS... [-- options of bench_load].
# The server has one I/O thread on CPU 0, the client is on CPU 1. Without pinning: PIN=0. Figures as JSON: JSON_DIR=some/folder.
# On a machine that is not quiet, as root: REALTIME=1.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
calls=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do calls+=("$1") && shift; done
[ $# -gt 0 ] && shift
client=("$bench_root/build/release/bench/bench_load")
if [ "${PIN:-1}" = 1 ]; then
  server_cpus=0
  export REPARTEE_SERVER_THREADS=${REPARTEE_SERVER_THREADS:-1}
  client=(taskset -c 1 "${client[@]}")
fi
scripted_providers
scratch=$(mktemp -d /tmp/repartee-load.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own
for n in "${calls[@]:-10}"; do
  start_server "$scratch/data-$n" || exit 1
  ${REALTIME:+chrt -r 1} "${client[@]}" --url "ws://127.0.0.1:$server_port/v1/realtime" --calls "$n" --server-pid "$server_pid" ${JSON_DIR:+--json "$JSON_DIR/load-$n.json"} "$@" || exit 1
  stop_server
  echo
done
