# shellcheck shell=bash
# The set-up that ./run and ./test share: packages, models, build. To be sourced, from anywhere, with root= the checkout.
# Every step looks first and does nothing when there is nothing to do. die() says in words what went wrong.

set -o pipefail
log_dir=${root:?}/build/log
models_dir=${REPARTEE_MODELS_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/repartee/models}
readonly disk_mb_min=3000          # packages, models and a build together
readonly lock_attempts_max=24      # times 5 s: another package manager may be at work, as after a machine's first boot
readonly job_memory_mb=1200        # what one compiler may take

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Of a long piece of work, a line at every ten per cent.
tenth_shown=0
show_tenth() {  # done total
  local tenth=$(($2 > 0 ? 10 * $1 / $2 : 0))
  if ((tenth < tenth_shown)); then tenth_shown=0; fi
  ((tenth > tenth_shown)) || return 0
  tenth_shown=$tenth
  printf '    %d%%\n' $((10 * tenth)) >&2
}

show_apt() {  # apt's lines
  local line steps=0 packages=0
  while IFS= read -r line; do
    if [[ $line =~ ([0-9]+)\ newly\ installed ]]; then packages=${BASH_REMATCH[1]}; fi
    if [[ $line == Fetched* ]]; then printf '    %s\n' "$line" >&2; fi
    if [[ $line == Unpacking* || $line == Setting* ]]; then show_tenth $((++steps)) $((2 * packages)); fi
  done
}

show_ninja() {  # preset: ninja's lines; silent where there is next to nothing to do (a look for new files, a link)
  local line announced=
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    ((BASH_REMATCH[2] > 2)) || continue
    [[ $announced ]] || say "building ($1)"
    announced=1
    show_tenth "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
  done
}

listed_packages() { sed 's/#.*//' "$@" | tr -s ' \n' '\n' | sed '/^$/d'; }

missing_packages() {  # package-list files... -> those not installed, one a line
  local wanted
  mapfile -t wanted < <(listed_packages "$@")
  command -v npm >/dev/null || wanted+=(npm)  # only where the command is missing: a Node from elsewhere conflicts with the package
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^installed //p' | sort)
}

need_disk() {  # directory: the nearest that exists counts
  local dir=$1 free_mb
  while [[ ! -d $dir ]]; do dir=$(dirname "$dir"); done
  free_mb=$(df -Pm "$dir" | awk 'NR == 2 { print $4 }')
  ((free_mb >= disk_mb_min)) || die "only $free_mb MB are free on the disk of $1, and $disk_mb_min MB are needed: make room, then start again"
}

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else return 126
  fi
}

explain_apt() {  # log: never returns
  local log=$1
  if grep -qiE 'no space left|enough free space' "$log"; then die "the disk is full: apt could not install (see $log)"; fi
  if grep -qE 'Could not get lock|Unable to (lock|acquire)' "$log"; then die "another package manager is running and did not end: wait for it, then start again"; fi
  if grep -qE 'dpkg was interrupted' "$log"; then die "an earlier installation was interrupted: run 'dpkg --configure -a' as root, then start again"; fi
  if grep -qE 'Temporary failure resolving|Could not resolve|Could not connect|Connection (timed out|failed|refused)|Network is unreachable|Cannot initiate' "$log"; then
    die "no network: apt could not reach the Debian packages (see $log)"
  fi
  if grep -qE 'Unable to locate package|no installation candidate' "$log"; then
    grep -E 'Unable to locate package|no installation candidate' "$log" | sort -u >&2
    die "apt does not know these packages. Repartee is made for Debian 12 (bookworm); this is $(. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME:-unknown}")"
  fi
  tail -n 20 "$log" >&2
  die "apt failed, see above and $log"
}

run_apt() {  # arguments: tries again while another package manager holds the lock
  local attempt log=$log_dir/apt.log
  local -a options=(-q -o Dpkg::Use-Pty=0)
  # A machine that is thrown away after the test need not sync each file of hundreds of packages to its disk.
  if [[ ${CI:-} ]]; then options+=(-o Dpkg::Options::=--force-unsafe-io); fi
  for ((attempt = 1; attempt <= lock_attempts_max; attempt++)); do
    : >"$log.last"
    if as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get "${options[@]}" "$@" 2>&1 </dev/null | tee "$log.last" | show_apt; then
      cat "$log.last" >>"$log"
      return 0
    fi
    cat "$log.last" >>"$log"
    grep -qE 'Could not get lock|Unable to (lock|acquire)' "$log.last" || return 1
    ((attempt > 1)) || say "another package manager is at work; waiting for it"
    sleep 5
  done
  return 1
}

# Without this, installing PostgreSQL makes and starts a cluster that nobody asked for; the server makes its own.
forbid_main_cluster() {
  local file=/etc/postgresql-common/createcluster.conf
  [[ -e $file ]] || as_root sh -c "mkdir -p ${file%/*} && echo 'create_main_cluster = false' >$file"
}

setup_packages() {  # package-list files...
  local missing
  command -v apt-get >/dev/null || die "this is not a Debian system (no apt-get): Repartee's set-up is made for Debian 12"
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  need_disk /usr
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null || die "these packages are missing, and there is neither root nor sudo to install them: ${missing[*]}"
    sudo -v || die "sudo was refused; these packages are missing: ${missing[*]}"
  fi
  mkdir -p "$log_dir"
  : >"$log_dir/apt.log"
  say "installing ${#missing[@]} packages: ${missing[*]}"
  run_apt update || say "apt-get update had difficulties; going on with what is known"  # one broken source must not stop the others
  if [[ " ${missing[*]} " == *" postgresql"* ]]; then forbid_main_cluster; fi
  run_apt install -y --no-install-recommends "${missing[@]}" || explain_apt "$log_dir/apt.log"
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) || die "apt reported no error, yet these are not installed: ${missing[*]} (see $log_dir/apt.log)"
}

setup_onnxruntime() {  # the build links it
  [[ -s $models_dir/onnxruntime/lib/libonnxruntime.so && -s $models_dir/onnxruntime/include/onnxruntime_cxx_api.h ]] && return
  need_disk "$models_dir"
  say "fetching ONNX Runtime"
  "$root/config/models.sh" fetch onnxruntime || die "ONNX Runtime could not be fetched, see above"
}

setup_models() {
  if ! "$root/config/models.sh" list | grep -qE '^[^ ]+ +missing ' && [[ $models_dir/kokoro/kokoro-prepared.onnx -nt $models_dir/kokoro/kokoro-quantized.onnx ]]; then
    return
  fi
  say "fetching the models"
  "$root/build/release/repartee" models fetch || die "the models could not be fetched, see above"
}

jobs_that_fit() {
  local cores memory_mb fit
  cores=$(nproc)
  memory_mb=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
  fit=$((memory_mb / job_memory_mb))
  echo $((fit < 1 ? 1 : fit < cores ? fit : cores))
}

configure() {  # preset
  local cache=$root/build/$1/CMakeCache.txt
  if [[ -f $root/build/$1/build.ninja ]] && grep -qxF "REPARTEE_MODELS_DIR:PATH=$models_dir" "$cache"; then return; fi
  say "configuring the build ($1)"
  (cd "$root" && cmake --preset "$1" -DREPARTEE_MODELS_DIR="$models_dir") >"$log_dir/configure-$1.log" 2>&1 || {
    grep -A 12 -m 1 'CMake Error' "$log_dir/configure-$1.log" >&2 || tail -n 20 "$log_dir/configure-$1.log" >&2
    die "the build could not be configured, see above and $log_dir/configure-$1.log"
  }
}

# Clones in other directories share ccache's results.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

setup_build() {  # preset [target...]
  local log=$log_dir/build-$1.log
  local -a command=(cmake --build "$root/build/$1" --parallel "$(jobs_that_fit)")
  if (($# > 1)); then command+=(--target "${@:2}"); fi
  mkdir -p "$log_dir"
  [[ -f $root/build/$1/build.ninja ]] || need_disk "$root"
  configure "$1"
  if "${command[@]}" 2>&1 | tee "$log" | show_ninja "$1"; then return; fi
  if grep -qi 'no space left' "$log"; then die "the disk is full: the build stopped"; fi
  if grep -q 'Killed signal terminated program' "$log"; then die "the build ran out of memory: close other programs or add swap, then start again"; fi
  grep -A 40 -m 1 '^FAILED:' "$log" >&2 || tail -n 30 "$log" >&2
  die "the build failed, see above and $log"
}
