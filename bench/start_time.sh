#!/usr/bin/env bash
# From starting `repartee serve` to /ready answering 200, models loaded: with a database there, and making one. bench/start_time.sh [RUNS]
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
runs=${1:-5}
scratch=$(mktemp -d /tmp/repartee-start.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"

# Prints the milliseconds of one start with data directory $1.
time_start() {
  local begun=$(date +%s%N)
  start_server "$1" || exit 1
  echo $((($(date +%s%N) - begun) / 1000000)) >>"$2"
  stop_server
}
summary() { sort -n "$2" | awk -v what="$1" '{ all = all " " $1; ms[NR] = $1 } END { printf "%-28s median %d ms of %d runs (%s )\n", what, ms[int((NR + 1) / 2)], NR, all }'; }

for i in $(seq "$runs"); do time_start "$scratch/fresh-$i" "$scratch/fresh"; done
for i in $(seq "$runs"); do time_start "$scratch/fresh-1" "$scratch/there"; done
summary "making a database" "$scratch/fresh"
summary "with a database there" "$scratch/there"
echo "load average: $(cut -d' ' -f1-3 /proc/loadavg)"
