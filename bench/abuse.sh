#!/usr/bin/env bash
# Good calls beside hostile connections: bench/abuse.sh [CALLS [CONNECTIONS [SECONDS]]] (50, 1000, 30). The same calls first alone, then beside
# them; on a server of its own with scripted engines and without rate limits by user, which would keep most of the hostile ones out.
# Good calls must have all their replies on time both times; what the server's memory did is in bench_load's report.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
calls=${1:-50} connections=${2:-1000} seconds=${3:-30} build=${BUILD:-release}
ulimit -n 65536
export REPARTEE_ASR_PROVIDER=scripted REPARTEE_LLM_PROVIDER=scripted REPARTEE_TTS_PROVIDER=scripted REPARTEE_LIMITS_ENABLED=false
scratch=$(mktemp -d /tmp/repartee-abuse.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
start_server "$scratch/data" || exit 1
good() { "$bench_root/build/$build/bench/bench_load" --url "ws://127.0.0.1:$server_port/v1/realtime" --calls "$calls" --seconds "$seconds" --server-pid "$server_pid"; }
memory() { awk '/^Vm(RSS|HWM)/ {printf "%s %.0f MB  ", $1, $2 / 1024} END {print ""}' "/proc/$server_pid/status"; }
echo "== $calls calls alone =="; good; memory
echo "== $calls calls beside $connections hostile connections =="
good & load=$!
sleep 2
"$bench_root/build/$build/bench/bench_abuse" --port "$server_port" --connections "$connections" --seconds "$seconds"
wait $load; status=$?
memory
echo "warnings and errors in the log: $(grep -c -E ' (warn|error)' "$scratch/data.log")"
exit $status
