#!/usr/bin/env bash
# Fetches the models that config/models.toml lists (npm tarballs by exact version and sha256) into the models directory.
#   models.sh list               what there is, and what is in place
#   models.sh fetch [NAME...]    all that are not optional, or those named (NAME also takes NAME-*); what is in place is left alone
#   models.sh verify             checks every placed file against the sha256 written down when it was placed
# Directory: $REPARTEE_MODELS_DIR, else $XDG_CACHE_HOME/repartee/models, else ~/.cache/repartee/models.
# $REPARTEE_MODELS_LOCAL: a directory of tarballs already downloaded, looked into before npm is asked.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
toml=$here/models.toml
models_dir=${REPARTEE_MODELS_DIR:-${XDG_CACHE_HOME:-${HOME:?HOME is not set; set REPARTEE_MODELS_DIR}/.cache}/repartee/models}
stamps_dir=$models_dir/.stamps
work_dir=

line_open=false  # a progress line waits for its end
die() {
  if [[ $line_open == true ]]; then echo failed; fi
  printf 'models: %s\n' "$*" >&2
  exit 1
}
trap '[[ -z $work_dir ]] || rm -rf -- "$work_dir"' EXIT
trap 'exit 130' INT TERM

# One line a model that fits this machine: name|package|sha256|size_mb|optional|purpose|licence|file;file;...
catalogue() {
  awk -v machine="$(uname -m)" '
    function flush_model() {
      if (name != "" && (arch == "" || arch == machine)) print name "|" package "|" sha256 "|" size_mb "|" optional "|" purpose "|" licence "|" files
      name = package = sha256 = size_mb = purpose = licence = arch = files = ""; optional = "false"; in_files = 0
    }
    function text_of(line) { sub(/^[^"]*"/, "", line); sub(/".*$/, "", line); return line }
    /^[ \t]*(#|$)/ { next }
    /^\[\[model\]\]/ { flush_model(); next }
    in_files && /^[ \t]*\]/ { in_files = 0; next }
    in_files { files = files (files == "" ? "" : ";") text_of($0); next }
    /^files[ \t]*=/ { in_files = 1; next }
    /^name[ \t]*=/ { name = text_of($0) }
    /^package[ \t]*=/ { package = text_of($0) }
    /^sha256[ \t]*=/ { sha256 = text_of($0) }
    /^purpose[ \t]*=/ { purpose = text_of($0) }
    /^licence[ \t]*=/ { licence = text_of($0) }
    /^arch[ \t]*=/ { arch = text_of($0) }
    /^size_mb[ \t]*=/ { size_mb = $3 }
    /^optional[ \t]*=/ { optional = $3 }
    END { flush_model() }' "$toml"
}

stamp_line() { printf '%s %s' "$1" "$(printf '%s' "$2" | sha256sum | cut -d' ' -f1)"; }  # tarball's hash, hash of its file list

# In place: the stamp is of this tarball and this file list, and no placed file is missing.
is_placed() {  # name sha256 files
  local stamp=$stamps_dir/$1 first path
  [[ -f $stamp ]] || return 1
  { read -r first
    [[ $first == "$(stamp_line "$2" "$3")" ]] || return 1
    while read -r _ path; do [[ -s $models_dir/$path ]] || return 1; done
  } <"$stamp"
}

# Says what went wrong in words, from what npm, tar or mv printed. (Kept in memory: the disk may be full.)
explain() {  # name text
  if grep -qiE 'ENOSPC|no space left' <<<"$2"; then die "$1: the disk is full ($models_dir or npm's cache)"; fi
  if grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT' <<<"$2"; then
    die "$1: no network: npm could not reach its registry. Try again, or put the tarballs in a directory and name it in REPARTEE_MODELS_LOCAL"
  fi
  if grep -qE 'E404|ETARGET' <<<"$2"; then die "$1: npm's registry does not have this package in this version"; fi
  die "$1: failed: $2"
}

local_tarball() {  # sha256 -> prints the path of a local tarball with that hash
  local file
  [[ -n ${REPARTEE_MODELS_LOCAL:-} ]] || return 1
  for file in "$REPARTEE_MODELS_LOCAL"/*.tgz; do
    if [[ -f $file && $(sha256sum <"$file") == "$1"* ]]; then printf '%s' "$file"; return 0; fi
  done
  return 1
}

download() {  # name package sha256 -> the tarball in $work_dir, path in $tarball
  if tarball=$(local_tarball "$3"); then return; fi
  command -v npm >/dev/null || die "npm is missing: install it (Debian: apt install npm), or put the tarballs in a directory and name it in REPARTEE_MODELS_LOCAL"
  mkdir "$work_dir/$1"
  local said
  said=$(npm pack "$2" --pack-destination "$work_dir/$1" --ignore-scripts --prefer-offline --loglevel=error \
    --fetch-retries=3 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 2>&1) || explain "$1" "$said"
  tarball=$(find "$work_dir/$1" -name '*.tgz' | head -n 1)
  [[ -n $tarball ]] || die "$1: npm pack $2 left no tarball"
  local got
  got=$(sha256sum <"$tarball" | cut -d' ' -f1)
  [[ $got == "$3" ]] || die "$1: checksum mismatch of $2: expected $3, got $got"
}

# Unpacks the named files of $tarball and moves them into place; the stamp is written last.
place() {  # name sha256 files
  local name=$1 sha256=$2 files=$3 pair pattern target member to matched
  local unpacked=$work_dir/$name.unpacked stamp=$work_dir/$name.stamp said
  mkdir "$unpacked"
  said=$(tar -tzf "$tarball" 2>&1) || explain "$name" "$said"
  local -a entries
  mapfile -t entries <<<"$said"
  printf '%s\n' "$(stamp_line "$sha256" "$files")" >"$stamp"
  local -a from=() into=()
  while IFS= read -r pair; do
    pattern=${pair%% -> *} target=${pair##* -> } matched=0
    for member in "${entries[@]}"; do
      # shellcheck disable=SC2053  # a pattern is meant
      [[ $member == $pattern && $member != */ ]] || continue
      to=$target
      [[ $target != */ ]] || to=$target${member##*/}
      from+=("$member") into+=("$to") matched=1
    done
    ((matched)) || die "$name: nothing in the tarball is called $pattern"
  done < <(tr ';' '\n' <<<"$files")
  said=$(tar -xzf "$tarball" -C "$unpacked" --no-same-owner -- "${from[@]}" 2>&1) || explain "$name" "$said"
  rm -f -- "$stamps_dir/$name"
  local i hash
  for i in "${!from[@]}"; do
    [[ -f $unpacked/${from[i]} && ! -L $unpacked/${from[i]} ]] || die "$name: ${from[i]} is not a plain file"
    hash=$(sha256sum <"$unpacked/${from[i]}" | cut -d' ' -f1)
    chmod 644 "$unpacked/${from[i]}"
    mkdir -p "$models_dir/$(dirname "${into[i]}")"
    said=$(mv -f -- "$unpacked/${from[i]}" "$models_dir/${into[i]}" 2>&1) || explain "$name" "$said"
    printf '%s  %s\n' "$hash" "${into[i]}" >>"$stamp"
  done
  mv -f -- "$stamp" "$stamps_dir/$name"
}

is_wanted() {  # name optional wanted...: with no names, all that are not optional
  local name=$1 optional=$2 wanted
  shift 2
  if (($# == 0)); then [[ $optional == false ]]; return; fi
  for wanted in "$@"; do [[ $name == "$wanted" || $name == "$wanted"-* ]] && return 0; done
  return 1
}

fetch() {
  local line name package sha256 size_mb optional purpose files count=0 tarball=
  local -a chosen=()
  while IFS= read -r line; do
    IFS='|' read -r name _ _ _ optional _ <<<"$line"
    if is_wanted "$name" "$optional" "$@"; then chosen+=("$line"); fi
  done < <(catalogue)
  ((${#chosen[@]} > 0)) || die "there is no model called $* (models.sh list shows them)"
  mkdir -p "$stamps_dir" 2>/dev/null || die "cannot write in $models_dir: set REPARTEE_MODELS_DIR to a directory you may write to"
  exec 9>"$models_dir/.lock"
  flock 9  # two at once: the second finds everything in place
  work_dir=$(mktemp -d "$models_dir/.fetch.XXXXXX") || die "cannot write in $models_dir"
  for line in "${chosen[@]}"; do
    IFS='|' read -r name package sha256 size_mb _ purpose _ files <<<"$line"
    count=$((count + 1))
    printf '[%d/%d] %s, %s MB ... ' "$count" "${#chosen[@]}" "$purpose" "$size_mb"
    line_open=true
    if is_placed "$name" "$sha256" "$files"; then echo "in place"; continue; fi
    download "$name" "$package" "$sha256"
    place "$name" "$sha256" "$files"
    rm -rf -- "${work_dir:?}/$name" "$work_dir/$name.unpacked"
    echo ok
  done
  line_open=false
}

list() {
  local name package sha256 size_mb optional purpose licence files state
  echo "models directory: $models_dir"
  while IFS='|' read -r name package sha256 size_mb optional purpose licence files; do
    state=missing
    [[ $optional == false ]] || state="missing, optional"
    if is_placed "$name" "$sha256" "$files"; then state="in place"; fi
    printf '%-20s %-18s %3s MB  %s (%s; %s)\n' "$name" "$state" "$size_mb" "$purpose" "$package" "$licence"
  done < <(catalogue)
}

verify() {
  local name sha256 optional files problems=0
  while IFS='|' read -r name _ sha256 _ optional _ _ files; do
    if [[ ! -f $stamps_dir/$name ]]; then
      [[ $optional == true ]] || { echo "$name: missing"; problems=1; }
    elif [[ $(head -n 1 "$stamps_dir/$name") != "$(stamp_line "$sha256" "$files")" ]]; then
      echo "$name: another version is in place"; problems=1
    elif ! (cd "$models_dir" && tail -n +2 ".stamps/$name" | sha256sum --check --quiet --strict -); then
      echo "$name: damaged"; problems=1
      rm -f -- "$stamps_dir/$name"  # so that the next fetch replaces it
    else
      echo "$name: ok"
    fi
  done < <(catalogue)
  ((problems == 0)) || die "run config/models.sh fetch: it replaces what is missing or damaged"
}

case ${1:-list} in
  list) list ;;
  fetch) shift; fetch "$@" ;;
  verify) verify ;;
  *) die "usage: models.sh [list | fetch [NAME...] | verify]" ;;
esac
