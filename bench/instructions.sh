#!/usr/bin/env bash
# bench/instructions.sh [--update] [PROGRAM]
# Instructions and allocations of each piece of the frame path, a frame, beside the committed figures (bench/instructions.tsv). Fails when a
# piece costs more than 10% more instructions than committed, or any allocation more. --update writes the figures anew.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here committed=$here/instructions.tsv tolerance_percent=10
update=
if [[ ${1:-} == --update ]]; then update=1; shift; fi
program=${1:-$here/../build/release/bench/bench_instructions}
command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind"; exit 1; }

measured=$(mktemp)
trap 'rm -f "$measured"' EXIT
for piece in $("$program"); do
  [[ $piece != json_* ]] || grep -qw avx2 /proc/cpuinfo || { echo "$piece: left out, the figures are of a processor with AVX2"; continue; }
  log=$(valgrind --tool=callgrind --toggle-collect=counted_section --callgrind-out-file=/dev/null "$program" "$piece" 2>&1) || { echo "$log"; exit 1; }
  instructions=$(sed -n 's/^==[0-9]*== Collected : \([0-9]*\).*/\1/p' <<<"$log")
  read -r _ frames _ allocations < <(grep '^frames ' <<<"$log")
  [[ -n $instructions && $instructions -gt 0 ]] || { echo "callgrind counted nothing for $piece"; echo "$log"; exit 1; }
  printf '%s\t%d\t%s\n' "$piece" $((instructions / frames)) "$(awk "BEGIN { printf \"%.2f\", $allocations / $frames }")" >>"$measured"
done
if [[ $update ]]; then
  { printf '# piece\tinstructions a frame\tallocations a frame\n'; cat "$measured"; } >"$committed"
  cat "$committed"
  exit 0
fi
awk -F '\t' -v tolerance="$tolerance_percent" '
  NR == FNR { if ($1 !~ /^#/) { instructions[$1] = $2; allocations[$1] = $3 } next }
  !($1 in instructions) { print $1 ": not among the committed figures (--update)"; bad = 1; next }
  { change = 100 * ($2 / instructions[$1] - 1)
    printf "%-12s %8d instructions a frame, committed %8d (%+.1f%%), allocations %.2f, committed %.2f\n", $1, $2, instructions[$1], change, $3, allocations[$1]
    if (change > tolerance || $3 > allocations[$1] + 0.005) { print "  dearer than committed: find out why, or --update with the reason in the commit"; bad = 1 } }
  END { exit bad }' "$committed" "$measured"
