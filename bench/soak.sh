#!/usr/bin/env bash
# Ten thousand calls that come and go, on a server of its own with scripted providers: bench/soak.sh [options of bench_soak].
# A client that is lost is waited for 2 s here, not 30, so that a wave's end is soon the end of its calls. BUILD=asan etc.: that build.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
build=${BUILD:-release}
[ "$build" = release ] || repartee=$bench_root/build/$build/repartee
export REPARTEE_ASR_PROVIDER=scripted REPARTEE_LLM_PROVIDER=scripted REPARTEE_TTS_PROVIDER=scripted REPARTEE_SCRIPTED_LLM_LINES="Certainly and gladly."
export REPARTEE_LIMITS_ENABLED=false REPARTEE_SERVER_RESUME_SECONDS=2
scratch=$(mktemp -d /tmp/repartee-soak.XXXXXX)
trap 'stop_server; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"   # the embedded database runs as a user of its own
start_server "$scratch/data" || exit 1
"${BENCH_SOAK:-$bench_root/build/$build/bench/bench_soak}" --port "$server_port" --server-pid "$server_pid" "$@"
status=$?
echo "warnings and errors in the server's log: $(grep -cE ' (warn|error) ' "$scratch/data.log"), besides $(grep -c 'no valid key' "$scratch/data.log") refused keys"
grep -E ' (warn|error) ' "$scratch/data.log" | grep -v 'no valid key' | head -5
exit $status
