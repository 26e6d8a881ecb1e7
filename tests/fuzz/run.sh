#!/usr/bin/env bash
# tests/fuzz/run.sh [SECONDS [BUILD_DIR]]: every fuzzer for so long (10 s), on its kept corpus; what it finds new goes to BUILD_DIR, crashers are
# left there as crash-*. Copy a crasher into corpus/<name>/ with its fix: from then on it is a test. One line a fuzzer; exit code 1 when one failed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seconds=${1:-10} build=${2:-$here/../../build/fuzz} failed=0
mkdir -p "$build" && build=$(cd "$build" && pwd)
for fuzzer in "$build"/tests/fuzz/fuzz_*; do
  [[ -x $fuzzer && ! -d $fuzzer ]] || continue
  name=${fuzzer##*/fuzz_}
  mkdir -p "$build/corpus/$name" "$here/corpus/$name"
  log=$build/fuzz_$name.log
  if (cd "$build" && "$fuzzer" -max_total_time="$seconds" -rss_limit_mb=1024 -malloc_limit_mb=512 -timeout=10 -max_len=16384 \
        -print_final_stats=1 "corpus/$name" "$here/corpus/$name") >"$log" 2>&1; then
    printf 'ok      %-12s %s runs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  else
    printf 'FAILED  %-12s see %s, which ends so:\n' "$name" "$log"
    tail -n 30 "$log"
    failed=1
  fi
done
exit $failed
