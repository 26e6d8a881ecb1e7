#!/usr/bin/env bash
# Ten thousand calls that come and go, on a server of its own with scripted providers: bench/soak.sh [options of bench_soak].
# A client that is lost is waited for 6 s here, not 30, so that a wave's end is soon the end of its calls. BUILD=asan etc.: that build.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
build=${BUILD:-release}
[ "$build" = release ] || repartee=$bench_root/build/$build/repartee
export REPARTEE_ASR_PROVIDER=scripted REPARTEE_LLM_PROVIDER=scripted REPARTEE_TTS_PROVIDER=scripted REPARTEE_SCRIPTED_LLM_LINES="Certainly and gladly."
export REPARTEE_LIMITS_ENABLED=false REPARTEE_SERVER_RESUME_SECONDS=6
scratch=$(mktemp -d /tmp/repartee-soak.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own
start_server "$scratch/data" || exit 1
"${BENCH_SOAK:-$bench_root/build/$build/bench/bench_soak}" --port "$server_port" --server-pid "$server_pid" "$@"
status=$?
left() { curl -fs "http://127.0.0.1:$server_port/metrics" | awk -v name="repartee_sessions_$1" '$1 == name {print $2}'; }
echo "sessions still active: $(left active), still waiting for a lost client: $(left waiting)"
[ "$(left active)" = 0 ] && [ "$(left waiting)" = 0 ] || status=1
rows() { psql -h "$scratch/data/postgres/run" -U repartee_owner -d repartee -AtX -c "SELECT count(*) FROM $1" 2>/dev/null; }
if [ -n "$(rows conversation_sessions)" ]; then   # root may ask the embedded cluster
  open=$(rows "conversation_sessions WHERE ended_at IS NULL")
  echo "rows: $(rows conversation_sessions) sessions, of them open: $open; $(rows conversation_turns) turns"
  [ "$open" = 0 ] || status=1
fi
echo "errors in the server's log: $(grep -c ' error ' "$scratch/data.log"); warnings: $(grep -c ' warn' "$scratch/data.log"), of them of refused keys: $(grep -c 'no valid key' "$scratch/data.log")"
grep ' error ' "$scratch/data.log" | head -5
exit $status
