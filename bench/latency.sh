#!/usr/bin/env bash
# One caller's latencies on a server of its own, models as configured: bench/latency.sh VOICE... [-- options of bench_latency].
# On a machine that is not quiet, as root: REALTIME=1.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
voices=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do voices+=("$1") && shift; done
[ $# -gt 0 ] && shift
scratch=$(mktemp -d /tmp/repartee-latency.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own
start_server "$scratch/data" || exit 1
for voice in "${voices[@]:-kokoro/af_heart}"; do
  ${REALTIME:+chrt -r 1} "$bench_root/build/release/bench/bench_latency" --url "ws://127.0.0.1:$server_port/v1/realtime" --voice "$voice" "$@" || exit 1
  echo "load average: $(cut -d' ' -f1-3 /proc/loadavg)"
  echo
done
