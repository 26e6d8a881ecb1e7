#!/usr/bin/env bash
# Open calls that nobody talks on, on a server of its own with scripted providers: bench/idle.sh [options of bench_idle].
# The server has one I/O thread on CPU 0, the client is on CPU 1. Without pinning: PIN=0.
# WARM_UP=150: before what is measured, so many calls go through the same stages and are closed, and what they freed is given back (malloc_trim,
# by gdb). Without it the first talk's pages of code, tables, pools and connections of the database are counted to the calls: 10 MB of the
# server's. With it calls may live in what the first ones left behind, and that is not counted: some 10 KB a call of 200.
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
trimmed=12   # seconds: what was freed has gone back by then (core/heap_trimmer)
sleep $trimmed
if [ "${WARM_UP:-0}" -gt 0 ]; then
  "${client[@]}" --port "$server_port" --server-pid "$server_pid" --calls "$WARM_UP" --talk-at-once 150 --seconds 1 --forget 0 >/dev/null || exit 1
  sleep $trimmed
  gdb -p "$server_pid" -batch -ex 'call (int)malloc_trim(0)' >/dev/null 2>&1 || echo "without gdb: what the first calls freed is used again, and not counted" >&2
fi
"${client[@]}" --port "$server_port" --server-pid "$server_pid" "$@"
