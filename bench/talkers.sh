#!/usr/bin/env bash
# How many people can talk at once with local models on this machine's cores: bench/talkers.sh VOICE CALLS...; a line for each number of calls.
# Moonshine, Silero, the local responder and the voice (flite/slt, kokoro/af_heart) are real; what was said before is not remembered. A reply is on
# time when its first audio comes within 1.5 s (ON_TIME_MS) of the caller's last loud frame. SECONDS_MEASURED: 30. Figures as JSON: JSON_DIR.
# On a machine that is not quiet, as root: REALTIME=1.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
[ $# -ge 2 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
voice=$1 && shift
export REPARTEE_CACHE_PHRASE_AUDIO=${REPARTEE_CACHE_PHRASE_AUDIO:-false}
scratch=$(mktemp -d /tmp/repartee-talkers.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own
json_dir=${JSON_DIR:-$scratch}
echo "calls  on time  late  missing  early  first audio p50/p95  voice to voice p50/p95  asr p50/p95  tts p50/p95  dry frames  server  client  others"
for calls in "$@"; do
  start_server "$scratch/data-$calls" || exit 1
  file=$json_dir/talkers-${voice%%/*}-$calls.json
  ${REALTIME:+chrt -r 1} "$bench_root/build/release/bench/bench_load" --url "ws://127.0.0.1:$server_port/v1/realtime" --calls "$calls" --voice "$voice" \
    --ramp 8 --seconds "${SECONDS_MEASURED:-30}" --on-time "${ON_TIME_MS:-1500}" --patience 8000 --server-pid "$server_pid" --json "$file" >"$scratch/table" 2>&1 ||
    { cat "$scratch/table" >&2; exit 1; }
  curl -s "http://127.0.0.1:$server_port/metrics" >"$file.metrics"
  python3 - "$file" <<'PY'
import json, sys
run = json.load(open(sys.argv[1]))
replies, ms, measured = run["replies"], run["ms"], run["measured_s"]
def pair(key):
    at = ms.get(key, {})
    return f"{at['p50']:.0f}/{at['p95']:.0f}" if at.get("count") else "-"
frames = run["reply_frames"]
dry = 100 * frames["dry"] / frames["sent"] if frames["sent"] else 0
others = max(run["machine_cores"] - run["client_cores"] - run["server"]["cores"], 0)
print(f"{run['calls']:5d}  {replies['on_time']:7d}  {replies['late']:4d}  {replies['missing']:7d}  {replies['early']:5d}  {pair('first_audio'):>19}  "
      f"{pair('voice_to_voice'):>22}  {pair('asr'):>11}  {pair('tts'):>11}  {dry:9.2f}%  {run['server']['cores']:6.2f}  {run['client_cores']:6.2f}  {others:6.2f}")
PY
  stop_server
done
