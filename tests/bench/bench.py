"""What every benchmark shares: interleaved rounds, medians, and the JSON lines that `make bench` promises.

A line: bench name value unit peer peer_value ratio target holds runs. `ratio` is value / peer_value, the median of
the ratios within a round; `holds` says whether `target` is met in this run. Nothing here fails on a slow machine.
"""
import json
import pathlib
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))


def median(values):
    return statistics.median(values)


class Report:
    def __init__(self, bench):
        self.bench = bench
        self.path = ROOT / "build/bench" / f"{bench}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("")

    def line(self, name, values, unit, peer, peer_values, target, at_most=True, allowance=0.0):
        """VALUES and PEER_VALUES belong together round by round. TARGET: value <= TARGET * peer + ALLOWANCE (or >=)."""
        ratio = median([v / p for v, p in zip(values, peer_values)])
        slack = median([v - (target * p + allowance) for v, p in zip(values, peer_values)])
        row = dict(bench=self.bench, name=name, value=round(median(values), 5), unit=unit, peer=peer, peer_value=round(median(peer_values), 5),
                   ratio=round(ratio, 3), target=f"{'<=' if at_most else '>='} {target} x" + (f" + {allowance} {unit}" if allowance else ""),
                   holds=slack <= 0 if at_most else slack >= 0, runs=len(values))
        with open(self.path, "a") as f:
            f.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
