#!/usr/bin/env bash
# What a call costs beside the sum of its parts, in one run: bench/floor.sh CALLS [-- options of bench_load].
# The server under load; then the same load on a bare socket loop (WebSocket framing, as many packets and events of the same size); the same loop
# doing decode, VAD and encode too; then these by themselves. Server or loop on CPU 0, client on CPU 1. REPARTEE_OPUS_COMPLEXITY: 5.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
calls=${1:-100}
[ $# -gt 0 ] && shift
[ "${1:-}" = -- ] && shift
server_cpus=0
export REPARTEE_SERVER_THREADS=1 REPARTEE_OPUS_COMPLEXITY=${REPARTEE_OPUS_COMPLEXITY:-5}
scripted_providers
binaries=$bench_root/build/release/bench
scratch=$(mktemp -d /tmp/repartee-floor.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own

load() { # name, options
  taskset -c 1 "$binaries/bench_load" --url "ws://127.0.0.1:$server_port/v1/realtime" --calls "$calls" --server-pid "$server_pid" \
    --json "$scratch/$1.json" "${@:2}" >"$scratch/$1.txt" || { cat "$scratch/$1.txt"; exit 1; }
}
figure() { python3 -c "import json, sys; f = json.load(open(sys.argv[1])); print($2)" "$scratch/$1.json"; }

start_server "$scratch/data" || exit 1
load product "$@"
stop_server
# The bare loop's own events: response.created, response.done and repartee.turn.
events="--events $(figure product 'round(f["events"]["count"] / max(sum(f["replies"].values()), 1)) - 3') --event-bytes $(figure product 'round(f["events"]["bytes"] / f["events"]["count"])')"
# shellcheck disable=SC2086
start_bare "$scratch/bare.log" --complexity "$REPARTEE_OPUS_COMPLEXITY" $events && load sockets "$@" && stop_server || exit 1
# shellcheck disable=SC2086
start_bare "$scratch/bare.log" --complexity "$REPARTEE_OPUS_COMPLEXITY" $events --work && load loop "$@" && stop_server || exit 1
taskset -c 0 "$binaries/bench_floor" parts --calls "$calls" --complexity "$REPARTEE_OPUS_COMPLEXITY" --json "$scratch/parts.json" \
  --agents-talk "$(figure product 'f["talk"]["agents"]')" --callers-talk "$(figure product 'f["talk"]["callers"]')" || exit 1
python3 - "$scratch" "$calls" <<'E2'
import json, sys
read = lambda name: json.load(open(f"{sys.argv[1]}/{name}.json"))
product, sockets, loop, parts = (read(name) for name in ("product", "sockets", "loop", "parts"))
cost = lambda run: run["server"]["percent_of_a_core_a_call"]
total = cost(sockets) + parts["decode"] + parts["vad"] + parts["encode"]
print("| calls | decode | VAD | encode | bare sockets | sum | bare loop doing all of it | the server | server / sum | server / loop |")
print("|" + "---|" * 10)
print(f"| {sys.argv[2]} | {parts['decode']:.3f} | {parts['vad']:.3f} | {parts['encode']:.3f} | {cost(sockets):.3f} | {total:.3f} | {cost(loop):.3f} "
      f"| {cost(product):.3f} | {cost(product) / total:.2f} | {cost(product) / cost(loop):.2f} |")
print("Percent of a core a call.")
for name, run in (("server", product), ("bare sockets", sockets), ("bare loop", loop)):
    frames = run["reply_frames"]["sent"] / run["measured_s"] / run["calls"]
    print(f"  {name}: agents talk {100 * run['talk']['agents']:.0f}%, callers {100 * run['talk']['callers']:.0f}%; a call and second {frames:.1f} reply packets, "
          f"{run['events']['count'] / run['measured_s'] / run['calls']:.1f} events; everybody else used {run['others_cores']:.2f} cores")
E2
