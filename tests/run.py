"""Run every kind of test, show what failed, and close with one line: N passed, N failed, N skipped.

    tests/run.py [--only NAME]... [--soak]

Kinds: unit (C, under sanitizers), fuzz (corpora replayed and a short run), lint, integration, conformance,
attacks, e2e. NAME is a kind or part of a test's path.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parents[1]
counts = {"passed": 0, "failed": 0, "skipped": 0}
failures, skips = [], []


def note(kind, name, why=""):
    counts[kind] += 1
    if kind == "failed":
        failures.append((name, why))
    if kind == "skipped":
        skips.append((name, why))


def run_unit(folder, only):
    """cmocka programs print TAP: `ok 1 - name`, `not ok 2 - name`, `ok 3 # SKIP name`."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", ASAN_OPTIONS="detect_leaks=1", UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    for program in sorted(p for p in folder.rglob("*_test") if p.is_file()):
        name = str(program.relative_to(folder))
        if only and not any(o in name for o in only):
            continue
        run = subprocess.run([program], env=env, capture_output=True, text=True, timeout=300, errors="replace")
        seen = 0
        for line in run.stdout.splitlines():
            m = re.match(r"(not )?ok \d+ (- |# SKIP )?(.*)", line)
            if not m:
                continue
            seen += 1
            if m.group(1):
                note("failed", f"{name}: {m.group(3)}", run.stdout[-1500:] + run.stderr[-3000:])
            elif m.group(2) == "# SKIP ":
                note("skipped", f"{name}: {m.group(3)}", "said by the test")
            else:
                note("passed", name)
        if run.returncode != 0 and "not ok" not in run.stdout:
            note("failed", name, f"ended with {run.returncode}\n{run.stdout[-1500:]}{run.stderr[-4000:]}")
        elif not seen:
            note("failed", name, "ran no test")


def run_fuzz(folder, only, seconds):
    for program in sorted(p for p in folder.iterdir() if p.is_file() and os.access(p, os.X_OK)) if folder.exists() else []:
        if only and not any(o in f"fuzz/{program.name}" for o in only):
            continue
        corpus = ROOT / "tests/fuzz/corpus" / program.name
        work = ROOT / "build/fuzz-work" / program.name
        work.mkdir(parents=True, exist_ok=True)
        run = subprocess.run([program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024", f"-artifact_prefix={work}/",
                              work, *([corpus] if corpus.exists() else [])], capture_output=True, text=True, errors="replace")
        if run.returncode:
            note("failed", f"fuzz/{program.name}", run.stderr[-3000:])
        else:
            note("passed", f"fuzz/{program.name}")


def run_command(name, command):
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    note("failed" if run.returncode else "passed", name, run.stdout[-3000:] + run.stderr[-3000:])


def run_pytest(kinds, only, soak):
    folders = [f"tests/{k}" for k in kinds if (ROOT / f"tests/{k}").exists()]
    if not folders:
        return
    report = ROOT / "build/pytest.xml"
    report.unlink(missing_ok=True)
    command = [ROOT / "build/venv/bin/python", "-m", "pytest", "-q", "--timeout=600", "-p", "no:cacheprovider", f"--junitxml={report}",
               "--durations=10", *folders]
    if only:
        command += ["-k", " or ".join(only)]
    subprocess.run(command, cwd=ROOT, env=dict(os.environ, VITRINE_SOAK="1" if soak else "", PYTHONDONTWRITEBYTECODE="1"))
    if not report.exists():
        note("failed", "pytest", "wrote no report")
        return
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        bad, skipped = case.find("failure"), case.find("skipped")
        bad = case.find("error") if bad is None else bad
        if bad is not None:
            note("failed", name, (bad.get("message") or "")[:300])
        elif skipped is not None:
            note("skipped", name, skipped.get("message") or "")
        else:
            note("passed", name)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--only", action="append", default=[])
    p.add_argument("--soak", action="store_true")
    p.add_argument("--unit", type=pathlib.Path, default=ROOT / "build/san-address-undefined/tests")
    p.add_argument("--fuzz", type=pathlib.Path, default=ROOT / "build/fuzz")
    a = p.parse_args()
    pytest_kinds = ["integration", "conformance", "attacks", "e2e"]
    kinds = ["unit", "fuzz", "lint", *pytest_kinds]
    wanted = [k for k in kinds if k in a.only] or kinds
    only = [o for o in a.only if o not in kinds]
    start = time.monotonic()

    if "unit" in wanted:
        run_unit(a.unit, only)
        print(f"unit: {counts} after {time.monotonic() - start:.0f} s", flush=True)
    if "fuzz" in wanted:
        run_fuzz(a.fuzz, only, 300 if a.soak else 2)
        print(f"fuzz: {counts} after {time.monotonic() - start:.0f} s", flush=True)
    if "lint" in wanted and not only:
        run_command("lint", ["python3", "tests/tools/lint.py"])
    run_pytest([k for k in pytest_kinds if k in wanted], only, a.soak)

    for name, why in skips:
        print(f"SKIPPED {name}: {why}")
    for name, why in failures:
        print(f"FAILED {name}\n    " + why.strip().replace("\n", "\n    "))
    print(f"\n{time.monotonic() - start:.0f} s")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
