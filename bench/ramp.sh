#!/usr/bin/env bash
# How many calls one I/O thread on one core carries: bench/ramp.sh [options of bench_ramp]. More and more calls, in steps, on a server of its own
# with scripted providers (VAD and codecs are real) and without the phrase cache; the server on CPU 0, the client on CPU 1.
# Figures as JSON, and a plot of them: JSON=FILE PLOT=FILE.svg. Opus: REPARTEE_OPUS_COMPLEXITY=0. As root on a machine that is not quiet: REALTIME=1.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
server_cpus=0
export REPARTEE_SERVER_THREADS=${REPARTEE_SERVER_THREADS:-1}
scripted_providers
scratch=$(mktemp -d /tmp/repartee-ramp.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own
json=${JSON:-$scratch/ramp.json}
start_server "$scratch/data" || exit 1
${REALTIME:+chrt -r 1} taskset -c 1 "$bench_root/build/release/bench/bench_ramp" --url "ws://127.0.0.1:$server_port/v1/realtime" \
  --server-pid "$server_pid" --json "$json" "$@" || exit 1
stop_server
if [ -n "${PLOT:-}" ]; then python3 "$bench_root/bench/ramp_plot.py" "$json" >"$PLOT"; fi
