#!/usr/bin/env bash
# The same load on LiveKit's agents (npm @livekit/agents, one process, no room) and on this server, one after the other:
#   bench/peers/run.sh CALLS [-- options of bench_load]
# PCM at 24 kHz both ways, the same recordings and turn-taking, scripted models, Silero VAD; server on CPU 0, client on CPU 1. Prints both
# reports and a table with ratios; JSON_DIR=FOLDER keeps the figures. What is not equal: bench/README.md.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../server.sh"
calls=${1:-20}
[ $# -gt 0 ] && shift
[ "${1:-}" = -- ] && shift
[ -d "$here/node_modules" ] || (cd "$here" && npm ci --ignore-scripts --no-audit --no-fund) || exit 1
scripted_providers
export REPARTEE_SERVER_THREADS=1
server_cpus=0
scratch=$(mktemp -d /tmp/repartee-peers.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own
figures=${JSON_DIR:-$scratch}
mkdir -p "$figures"

load() { # name, path, format, further options
  echo "== $1"
  taskset -c 1 "$bench_root/build/release/bench/bench_load" --url "ws://127.0.0.1:$server_port$2" --format "$3" --calls "$calls" \
    --server-pid "$server_pid" --json "$figures/$1.json" "${@:4}"
  echo
}

start_livekit() { # as start_server, their settings come by environment
  server_port=$(free_port)
  taskset -c "$server_cpus" node "$here/livekit.mjs" "$server_port" >"$scratch/livekit.log" 2>&1 &
  server_pid=$!
  await_ready "$scratch/livekit.log" "http://127.0.0.1:$server_port/"
}

start_livekit && load livekit / pcm-binary "$@" && stop_server || exit 1
grep -v '^$' "$scratch/livekit.log" | tail -n 5
if [ -n "${QUICK_INTERRUPTIONS:-}" ]; then  # theirs, told to cut after as little speech as we do
  INTERRUPTION_MS=${QUICK_INTERRUPTIONS} start_livekit && load "livekit-$QUICK_INTERRUPTIONS-ms" / pcm-binary "$@" && stop_server || exit 1
fi
start_server "$scratch/data" || exit 1
load repartee-binary /v1/realtime pcm-binary "$@"
load repartee-json /v1/realtime pcm "$@"
stop_server
python3 "$here/table.py" "$figures"/livekit*.json "$figures"/repartee-*.json
