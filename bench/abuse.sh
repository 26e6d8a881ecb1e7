#!/usr/bin/env bash
# Good calls beside hostile connections: bench/abuse.sh [CALLS [CONNECTIONS [SECONDS]]] (50, 1000, 30). The same calls first alone, then beside
# them; on a server of its own with scripted engines and without rate limits by user, which would keep most of the hostile ones out.
# Fails when a good call's reply is late (beyond ON_TIME_MS, 1000) or missing, or the server logs an error; what its memory did is in bench_load's report.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
calls=${1:-50} connections=${2:-1000} seconds=${3:-30} on_time_ms=${ON_TIME_MS:-1000} build=${BUILD:-release}
ulimit -n "$(ulimit -Hn)"
export REPARTEE_ASR_PROVIDER=scripted REPARTEE_LLM_PROVIDER=scripted REPARTEE_TTS_PROVIDER=scripted REPARTEE_LIMITS_ENABLED=false
scratch=$(mktemp -d /tmp/repartee-abuse.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
start_server "$scratch/data" || exit 1
good() { "$bench_root/build/$build/bench/bench_load" --url "ws://127.0.0.1:$server_port/v1/realtime" --calls "$calls" --seconds "$seconds" --on-time "$on_time_ms" --server-pid "$server_pid" --json "$scratch/good.json"; }
memory() { awk '/^Vm(RSS|HWM)/ {printf "%s %.0f MB  ", $1, $2 / 1024} END {print ""}' "/proc/$server_pid/status"; }
field() { sed -nE "s/.*\"$1\": *([0-9.]+).*/\1/p" "$scratch/good.json" | head -n 1; }
echo "== $calls calls alone =="; good || exit 1; memory
echo "== $calls calls beside $connections hostile connections =="
good & load=$!
sleep 2
"$bench_root/build/$build/bench/bench_abuse" --port "$server_port" --connections "$connections" --seconds "$seconds"
wait $load || exit 1
memory
errors=$(grep -c ' error ' "$scratch/data.log")
echo "errors in the log: $errors; warnings: $(grep -c ' warning ' "$scratch/data.log")"
[ "$errors" = 0 ] || grep ' error ' "$scratch/data.log" | head -n 5
if [ "$(field on_time)" -gt 0 ] && [ "$(field late)" = 0 ] && [ "$(field missing)" = 0 ] && [ "$errors" = 0 ]; then
  echo "the good calls were not disturbed"
else
  echo "DISTURBED: $(field on_time) replies on time, $(field late) late, $(field missing) missing" >&2
  exit 1
fi
