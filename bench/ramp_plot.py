#!/usr/bin/env python3
"""bench/ramp_plot.py [LABEL=]FILE.json... > plot.svg: what bench_ramp measured, as a plot that reads on light and dark pages.

Above: how busy the server's core is. Below: p50 and p99 of the added latency, on a logarithmic scale. A dot a step; steps that broke are hollow."""
import json
import math
import sys

WIDTH, LEFT, RIGHT = 760, 58, 150
PANELS = ((40, 180), (268, 180))  # top and height
HEIGHT = 505
LATENCY_MS = (0.5, 1000)
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; } .small { font-size: 12px; fill: #57606a; } .title { font-weight: 600; }
.grid { stroke: #d0d7de; } .limit { stroke: #cf222e; stroke-dasharray: 5 4; } .limit-text { fill: #cf222e; font-size: 12px; }
.line { fill: none; stroke-width: 2; } .p50 { stroke-dasharray: 2 3; } .page { fill: #ffffff; }
.s0 { stroke: #0969da; fill: #0969da; } .s1 { stroke: #bc4c00; fill: #bc4c00; } .s2 { stroke: #8250df; fill: #8250df; } .s3 { stroke: #1a7f37; fill: #1a7f37; }
.line.s0, .line.s1, .line.s2, .line.s3 { fill: none; } .hollow { fill: #ffffff !important; stroke-width: 2; } .key { stroke: none; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .small { fill: #9198a1; } .grid { stroke: #3d444d; } .page, .hollow { fill: #0d1117 !important; }
  .limit { stroke: #f85149; } .limit-text { fill: #f85149; }
  .s0 { stroke: #4493f8; fill: #4493f8; } .s1 { stroke: #f0883e; fill: #f0883e; } .s2 { stroke: #ab7df8; fill: #ab7df8; } .s3 { stroke: #3fb950; fill: #3fb950; }
  .key { stroke: none; }
}"""


def load(argument):
    label, _, name = argument.rpartition("=")
    with open(name, encoding="utf-8") as file:
        ramp = json.load(file)
    ramp["label"] = label or ramp["plan"].split(",")[0]
    ramp["steps"].sort(key=lambda step: (step["calls"], step["server"]["core_busy"]))
    return ramp


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{words}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def nice_step(span):
    return next(step for step in (10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000) if span / step <= 8)


class Plot:
    def __init__(self, ramps):
        self.ramps = ramps
        self.calls_max = max(step["calls"] for ramp in ramps for step in ramp["steps"]) * 1.04
        self.parts = []

    def x(self, calls):
        return LEFT + calls / self.calls_max * (WIDTH - LEFT - RIGHT)

    @staticmethod
    def y_busy(percent):
        top, height = PANELS[0]
        return top + height * (1 - min(percent, 100) / 100)

    @staticmethod
    def y_latency(ms):
        top, height = PANELS[1]
        low, high = (math.log10(end) for end in LATENCY_MS)
        return top + height * (1 - (math.log10(min(max(ms, LATENCY_MS[0]), LATENCY_MS[1])) - low) / (high - low))

    def frame(self):
        end = WIDTH - RIGHT
        self.parts.append(text(LEFT, 24, "Server's core busy, %", "title"))
        self.parts.append(text(LEFT, PANELS[1][0] - 14, "Added latency, ms", "title"))
        for percent in (0, 20, 40, 60, 80, 100):
            self.parts += [line(LEFT, self.y_busy(percent), end, self.y_busy(percent), "grid"), text(LEFT - 8, self.y_busy(percent) + 4, percent, "small", "end")]
        for ms in (1, 10, 100, 1000):
            self.parts += [line(LEFT, self.y_latency(ms), end, self.y_latency(ms), "grid"), text(LEFT - 8, self.y_latency(ms) + 4, ms, "small", "end")]
        for y, words in ((self.y_busy(80), "at most 80%"), (self.y_latency(20), "p99 at most 20 ms")):
            self.parts += [line(LEFT, y, end, y, "limit"), text(end + 8, y + 4, words, "limit-text")]
        step = nice_step(self.calls_max)
        for calls in range(0, int(self.calls_max) + 1, step):
            self.parts.append(text(self.x(calls), PANELS[1][0] + PANELS[1][1] + 20, calls, "small", "middle"))
        self.parts.append(text((LEFT + end) / 2, PANELS[1][0] + PANELS[1][1] + 42, "calls on one core", "", "middle"))

    def series(self, steps, value, y, kind, dots=True):
        points = [(self.x(step["calls"]), y(value(step)), step["broken_by"]) for step in steps]
        self.parts.append(f'<polyline class="line {kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)}"/>')
        for px, py, broken in points if dots else ():
            self.parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" class="{kind}{" hollow" if broken else ""}"/>')

    def draw(self):
        self.frame()
        for number, ramp in enumerate(self.ramps):
            kind = f"s{number % 4}"
            self.series(ramp["steps"], lambda step: 100 * step["server"]["core_busy"], self.y_busy, kind)
            self.series(ramp["steps"], lambda step: step["ms"]["added_latency"]["p50"], self.y_latency, kind + " p50", dots=False)
            self.series(ramp["steps"], lambda step: step["ms"]["added_latency"]["p99"], self.y_latency, kind)
            y = PANELS[0][0] + 58 + 40 * number
            self.parts += [f'<rect x="{WIDTH - RIGHT + 10}" y="{y - 10}" width="12" height="12" class="{kind} key"/>',
                           text(WIDTH - RIGHT + 28, y, ramp["label"]), text(WIDTH - RIGHT + 28, y + 16, f'{ramp["knee"]} calls hold', "small")]
        y = PANELS[1][0] + 130
        self.parts += [text(WIDTH - RIGHT + 10, y, "solid: p99", "small"), text(WIDTH - RIGHT + 10, y + 16, "dotted: p50", "small"),
                       text(WIDTH - RIGHT + 10, y + 32, "hollow: broke", "small")]
        body = "\n".join(self.parts)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
                f'aria-label="CPU and added latency over calls"><style>{STYLE}</style>\n<rect width="{WIDTH}" height="{HEIGHT}" class="page"/>\n{body}\n</svg>')


if len(sys.argv) < 2:
    sys.exit(__doc__)
print(Plot([load(argument) for argument in sys.argv[1:]]).draw())
