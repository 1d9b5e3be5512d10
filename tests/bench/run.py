"""`make bench [B=NAME]`: run tests/bench/NAME.py, or all of them, one after the other."""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
NOT_A_BENCH = {"run", "bench"}


def main():
    names = sys.argv[1:] or sorted(p.stem for p in HERE.glob("*.py") if p.stem not in NOT_A_BENCH)
    for name in names:
        script = HERE / f"{name}.py"
        if not script.exists() or name in NOT_A_BENCH:
            known = ", ".join(sorted(p.stem for p in HERE.glob("*.py") if p.stem not in NOT_A_BENCH))
            sys.exit(f"there is no benchmark '{name}'; there are {known}")
        print(f"== {name}", flush=True)
        run = subprocess.run([sys.executable, script])
        if run.returncode:
            sys.exit(f"benchmark {name} could not run (status {run.returncode})")
    print("results: build/bench/*.jsonl")


if __name__ == "__main__":
    main()
