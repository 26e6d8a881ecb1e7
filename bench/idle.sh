#!/usr/bin/env bash
# Open calls that nobody talks on, on a server of its own with scripted providers: bench/idle.sh [options of bench_idle].
# The server has one I/O thread on CPU 0, the client is on CPU 1. Without pinning: PIN=0.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
client=("$bench_root/build/release/bench/bench_idle")
if [ "${PIN:-1}" = 1 ]; then
  server_cpus=0
  export REPARTEE_SERVER_THREADS=${REPARTEE_SERVER_THREADS:-1}
  client=(taskset -c 1 "${client[@]}")
fi
export REPARTEE_ASR_PROVIDER=scripted REPARTEE_LLM_PROVIDER=scripted REPARTEE_TTS_PROVIDER=scripted REPARTEE_LIMITS_ENABLED=false
scratch=$(mktemp -d /tmp/repartee-idle.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own
start_server "$scratch/data" || exit 1
sleep 12   # what the start needed and freed has gone back by then (core/heap_trimmer)
"${client[@]}" --port "$server_port" --server-pid "$server_pid" "$@"
