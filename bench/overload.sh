#!/usr/bin/env bash
# Overload of a server with one core: what is left out, in which order, whether the calls that run stay on time, and whether all of it comes back.
# bench/overload.sh [RUNNING [MORE [A_SECOND]]]: RUNNING calls (100) talk all the time; after 15 s MORE (300) come in, so many A SECOND (8), and leave
# 25 s after the last one came. A line a second: the level of load, its measures, and how a further call fares at the door.
# JSON_DIR=some/folder keeps both clients' figures. PIN=0: no pinning. On a machine that is not quiet, as root: REALTIME=1.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
running=${1:-100} more=${2:-300}
ramp=${3:-8} alone_s=15 crowd_s=25 after_s=${AFTER_S:-35}
crowd_total_s=$((more / ramp + crowd_s))
client=("$bench_root/build/release/bench/bench_load")
if [ "${PIN:-1}" = 1 ]; then
  server_cpus=0
  client=(taskset -c 1 "${client[@]}")
fi
export REPARTEE_SERVER_THREADS=${REPARTEE_SERVER_THREADS:-1}
export REPARTEE_ASR_PROVIDER=scripted REPARTEE_LLM_PROVIDER=scripted REPARTEE_TTS_PROVIDER=scripted REPARTEE_CACHE_PHRASE_AUDIO=false
scratch=$(mktemp -d /tmp/repartee-overload.XXXXXX)
clients=()
trap 'for pid in "${clients[@]}"; do kill "$pid" 2>/dev/null; done; stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own
start_server "$scratch/data" || exit 1
url=ws://127.0.0.1:$server_port/v1/realtime
json_dir=${JSON_DIR:-$scratch}

start_client() {  # NAME CALLS RAMP SECONDS
  ${REALTIME:+chrt -r 1} "${client[@]}" --url "$url" --calls "$2" --ramp "$3" --warm-up 2 --seconds "$4" --seed "$5" --server-pid "$server_pid" --json "$json_dir/overload-$1.json" \
    >"$scratch/$1.txt" 2>&1 &
  clients+=($!)
}

# Seconds and status of one more call, which goes at once.
knock() {
  curl -so /dev/null -m 5 -w '%{http_code} %{time_starttransfer}' --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
    -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' "http://127.0.0.1:$server_port/v1/realtime" 2>/dev/null
}

begun=$(date +%s%N)
since() { echo $((($(date +%s%N) - begun) / 1000000)); }
look() {
  local door="-"
  [ "$(curl -s "http://127.0.0.1:$server_port/metrics" | tee "$scratch/metrics" | awk '/^repartee_load_level /{print $2}')" -ge 4 ] 2>/dev/null && door=$(knock)
  awk -v t="$(since)" -v door="$door" '
    /^repartee_(load_level|loop_busy_ratio|loop_lag_seconds|sessions_active) /{v[$1] = $2}
    END {
      split("normal,no captions,plain voice,plainest voice,closed", name, ",")
      printf "%5.0f s  %5d calls  busy %3.0f%%  lag %4.0f ms  level %d %-15s door %s\n", t / 1000, v["repartee_sessions_active"],
        100 * v["repartee_loop_busy_ratio"], 1000 * v["repartee_loop_lag_seconds"], v["repartee_load_level"], name[v["repartee_load_level"] + 1], door
    }' "$scratch/metrics"
}

start_client running "$running" 50 $((alone_s + crowd_total_s + after_s - running / 50 - 2)) 1
crowd_comes=$((alone_s * 1000)) end=$(((alone_s + crowd_total_s + after_s) * 1000)) crowd_is_here=0
while [ "$(since)" -lt "$end" ]; do
  if [ $crowd_is_here = 0 ] && [ "$(since)" -ge $crowd_comes ]; then
    start_client crowd "$more" $ramp $((crowd_s - 2)) 2
    crowd_is_here=1
  fi
  look
  sleep 0.9
done
wait "${clients[@]}"
clients=()
echo
grep '"\?level' "$scratch/data.log" | sed 's/^/server: /'
for name in running crowd; do
  printf '\n-- %s --\n' "$name"
  cat "$scratch/$name.txt"
done
