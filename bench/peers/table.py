#!/usr/bin/env python3
"""bench/peers/table.py LIVEKIT.json [OTHERS.json...]: bench_load's figures side by side, and the first one's CPU a call over each one's."""
import json
import pathlib
import sys

if len(sys.argv) < 2:
    sys.exit(__doc__)
runs = []
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        runs.append((pathlib.Path(name).stem, json.load(file)))
base = runs[0][1]["server"]["percent_of_a_core_a_call"]


def spread(run, key, shares):
    values = run["ms"][key]
    return " / ".join(f"{values[share]:.0f}" for share in shares) if values["count"] else "-"


print("| | calls | agents talk | replies on time | % of a core a call | ratio | last word to first audio p50 / p95, ms | added p50 / p99, ms "
      "| barge-in p50 / p95, ms (count) | after the decision, max | KB a call |")
print("|" + "---|" * 11)
for name, run in runs:
    server, replies = run["server"], run["replies"]
    asked = replies["on_time"] + replies["late"] + replies["missing"]
    cost = server["percent_of_a_core_a_call"]
    print(f"| {name} | {run['calls']} | {100 * run['talk']['agents']:.0f}% | {replies['on_time']} of {asked} | {cost:.2f} | {base / cost:.1f} "
          f"| {spread(run, 'first_audio', ('p50', 'p95'))} | {spread(run, 'added_latency', ('p50', 'p99'))} "
          f"| {spread(run, 'barge_in_stop', ('p50', 'p95'))} ({run['ms']['barge_in_stop']['count']}) "
          f"| {run['ms']['stop_after_decision']['max']:.0f} | {server['kb_a_call']:.0f} |")
print(f"\nEverybody else used {max(run['others_cores'] for _, run in runs):.2f} cores at most.")
