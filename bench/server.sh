# Sourced by the bench scripts: starts a server of its own for a bench and ends it again.
# start_server DATA_DIR: sets server_pid and server_port once /ready answers 200. REPARTEE_* variables reach the server; server_cpus
# (as taskset takes them) pins it.
bench_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
repartee=${REPARTEE_BINARY:-$bench_root/build/release/repartee}
server_pid=

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# For load runs: the models' answers are scripted (VAD and codecs are real), nothing is remembered from reply to reply, thousands of calls fit.
scripted_providers() {
  export REPARTEE_ASR_PROVIDER=scripted REPARTEE_LLM_PROVIDER=scripted REPARTEE_TTS_PROVIDER=scripted
  export REPARTEE_CACHE_PHRASE_AUDIO=${REPARTEE_CACHE_PHRASE_AUDIO:-false} REPARTEE_CACHE_LLM_ANSWERS=${REPARTEE_CACHE_LLM_ANSWERS:-false}
  export REPARTEE_SERVER_SESSIONS_MAX=${REPARTEE_SERVER_SESSIONS_MAX:-10000}
}

start_server() {
  server_port=$(free_port)
  ${REALTIME:+chrt -r 1} ${server_cpus:+taskset -c "$server_cpus"} "$repartee" serve --listen "127.0.0.1:$server_port" --data-dir "$1" --log-level "${server_log_level:-warn}" >"$1.log" 2>&1 &
  server_pid=$!
  await_ready "$1.log" "http://127.0.0.1:$server_port/ready"
}

# A bare socket loop (bench_floor serve) in the server's place, pinned as it: log, options of bench_floor serve.
start_bare() {
  local log=$1
  shift
  server_port=$(free_port)
  ${server_cpus:+taskset -c "$server_cpus"} "$bench_root/build/release/bench/bench_floor" serve --port "$server_port" "$@" >"$log" &
  server_pid=$!
  until grep -q listening "$log"; do sleep 0.05; kill -0 "$server_pid" || return 1; done
}

await_ready() { # log, address: until it answers, or server_pid is gone
  local tries=0
  until curl -fso /dev/null "$2"; do
    if ! kill -0 "$server_pid" 2>/dev/null || [ $((tries += 1)) -gt 3000 ]; then
      echo "the server did not become ready:" >&2
      cat "$1" >&2
      return 1
    fi
    sleep 0.01
  done
}

stop_server() {
  [ -z "$server_pid" ] && return
  kill -TERM "$server_pid" 2>/dev/null
  wait "$server_pid" 2>/dev/null
  local status=$?
  [ $status -eq 0 ] || echo "the server ended with status $status" >&2
  server_pid=
}
