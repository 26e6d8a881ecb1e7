#!/usr/bin/env bash
# What being watched costs: bench/observing.sh [CALLS [SECONDS]]. A server with one I/O thread and CALLS (150) scripted calls writes info lines into a
# file and is asked for /metrics each second; perf samples it for SECONDS (25) and says which share of its CPU went into counting, writing lines and
# answering /metrics. A share of one run, so that the machine's speed does not matter. Needs perf (linux-perf), as root.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
calls=${1:-150} seconds=${2:-25}
command -v perf >/dev/null || { echo "observing.sh needs perf (Debian: linux-perf)" >&2; exit 1; }
client=(taskset -c 1 "$bench_root/build/release/bench/bench_load")
server_cpus=0 server_log_level=info
export REPARTEE_SERVER_THREADS=1 REPARTEE_ASR_PROVIDER=scripted REPARTEE_LLM_PROVIDER=scripted REPARTEE_TTS_PROVIDER=scripted REPARTEE_CACHE_PHRASE_AUDIO=false
export REPARTEE_LOG_FORMAT=${REPARTEE_LOG_FORMAT:-json}
scratch=$(mktemp -d /tmp/repartee-observing.XXXXXX)
scraper= client_pid=
trap 'kill $scraper $client_pid 2>/dev/null; stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own
start_server "$scratch/data" || exit 1
"${client[@]}" --url "ws://127.0.0.1:$server_port/v1/realtime" --calls "$calls" --ramp 20 --warm-up 5 --seconds "$seconds" --server-pid "$server_pid" >"$scratch/table" 2>&1 &
client_pid=$!
sleep $((calls / 20 + 6))
while sleep 1; do curl -so "$scratch/metrics" -w '%{size_download}\n' "http://127.0.0.1:$server_port/metrics"; done >"$scratch/scrapes" &
scraper=$!
perf record -q -e cpu-clock -F 197 --call-graph dwarf,8192 -o "$scratch/perf" -p "$server_pid" -- sleep $((seconds - 4)) 2>"$scratch/perf.log" || { cat "$scratch/perf.log" >&2; exit 1; }
kill $scraper
wait $client_pid
client_pid= scraper=
lines=$(wc -l <"$scratch/data.log")
stop_server
perf script -i "$scratch/perf" -F comm,ip,sym 2>/dev/null >"$scratch/stacks"
python3 - "$scratch/stacks" "$scratch/scrapes" "$lines" <<'PY'
import re, sys
# The first of these that is on a sample's stack takes it.
groups = [("writing log lines", r"repartee::log::(write|enabled)"),
          ("answering /metrics (with the HTTP around it)", r"Metrics::text|repartee::transport::.*(HttpReader|serve_request|read_request|write_response|http)|repartee::api::"),
          ("measuring the load", r"LoadSampler"),
          ("counting", r"ShardedCounter|AtomicGauge|AtomicHistogram|SessionMetrics::turn_ended|repartee::Metrics::")]
samples, taken = 0, {name: 0 for name, _ in groups}
for stack in open(sys.argv[1]).read().split("\n\n"):
    if not stack.strip():
        continue
    samples += 1
    for name, pattern in groups:
        if re.search(pattern, stack):
            taken[name] += 1
            break
scrapes = open(sys.argv[2]).read().split()
print(f"{samples} samples of the server; {len(scrapes)} times /metrics, {scrapes[-1] if scrapes else 0} bytes each; {sys.argv[3]} lines in all")
for name, count in taken.items():
    print(f"  {name:46s} {100 * count / samples:6.2f} %")
print(f"  {'together':46s} {100 * sum(taken.values()) / samples:6.2f} %")
PY
echo
cat "$scratch/table"
