#!/usr/bin/env bash
# How many calls the client itself holds without being what limits: bench/client.sh CALLS... (500 1000 2000). A bare socket loop (bench_floor serve) with
# packets and events of the usual number and size on CPU 0, bench_load on CPU 1; a line for each number of calls.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
[ $# -gt 0 ] || set -- 500 1000 2000
server_cpus=0
scratch=$(mktemp -d /tmp/repartee-client.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
ulimit -n "$(ulimit -Hn)"
echo "| calls | open at the end | replies on time | frames sent a second | lateness of the client's sending p50 / p99 / max, ms | client, cores | loop, cores | others |"
echo "|---|---|---|---|---|---|---|---|"
for calls in "$@"; do
  start_bare "$scratch/bare.log" --events 16 --event-bytes 350 || exit 1
  taskset -c 1 "$bench_root/build/release/bench/bench_load" --url "ws://127.0.0.1:$server_port/v1/realtime" --calls "$calls" --ramp 200 --seconds 12 \
    --server-pid "$server_pid" --json "$scratch/load.json" >"$scratch/load.txt" || { cat "$scratch/load.txt"; exit 1; }
  stop_server
  python3 - "$scratch/load.json" <<'PY'
import json, sys
f = json.load(open(sys.argv[1]))
late, replies = f["ms"]["client_lateness"], f["replies"]
print(f"| {f['calls']:,} | {f['calls_open_at_end']:,} | {replies['on_time']:,} of {sum(replies.values()):,} | {late['count'] / f['measured_s']:,.0f} "
      f"| {late['p50']:.1f} / {late['p99']:.1f} / {late['max']:.1f} | {f['client_cores']:.2f} | {f['server']['cores']:.2f} | {f['others_cores']:.2f} |")
PY
done
