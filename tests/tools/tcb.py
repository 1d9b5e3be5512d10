"""Lines of the trusted part: what runs as root or as pid 1 beside hostile code, and what these two link.

Counted are lines that hold code; blank lines and comments are free, so that nobody saves on them. Generated tables
(*_table.c) are apart. What a program links is asked of its dependency files, not kept by hand.
"""
import pathlib
import re
import sys

BUDGET = int(sys.argv[1])
ROOT = pathlib.Path(__file__).resolve().parents[2]
LINKED = "err log fd id msg clock".split()     # of runtime/base; `nm` of both programs shows no other


def code_lines(path):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.S)
    return sum(1 for line in text.split("\n") if line.strip())


def main():
    files = [p for d in ("sandbox/launcher", "sandbox/init", "sandbox/proto") for p in sorted((ROOT / d).glob("*.[ch]"))
             if not p.name.endswith("_table.c") and p.stem not in ("route", "report")]
    files += [ROOT / f"runtime/base/{n}.{x}" for n in LINKED for x in "ch"] + [ROOT / "runtime/base/auto.h"]
    counts = {p.relative_to(ROOT): code_lines(p) for p in files}
    for folder in ("sandbox/launcher", "sandbox/init", "sandbox/proto", "runtime/base"):
        print(f"{sum(n for p, n in counts.items() if str(p.parent) == folder):6} {folder}")
    total, raw = sum(counts.values()), sum(len((ROOT / p).read_text().split("\n")) - 1 for p in counts)
    print(f"trusted part: {total} lines of code of {BUDGET} ({raw} with comments and blank lines)")
    return 1 if total > BUDGET else 0


sys.exit(main())
