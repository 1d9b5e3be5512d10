"""The house rules that a compiler does not know: include directions, budgets, banned calls, lone headers.

Prints one line per offence, `file:line: what`, and ends with status 1 if there is any.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GEN = sys.argv[1] if len(sys.argv) > 1 else "build/release/gen"

# Folder -> what it may include besides itself (ARCHITECTURE 3). Longest prefix wins.
LAYERS = {
    "server/cmd": ["runtime/", "sandbox/proto", "server/cmd"],
    "server/edge": ["runtime/base", "sandbox/proto"],
    "server": ["runtime/", "sandbox/proto", "server/"],
    "runtime/base": [],
    "runtime": ["runtime/", "sandbox/proto"],
    "sandbox/proto": ["runtime/base"],
    "sandbox/local": ["runtime/base", "sandbox/proto", "sandbox/launcher"],
    "sandbox": ["runtime/base", "sandbox/proto"],
    "web/compiler": ["runtime/base"],
}
# Library header -> the only places that may include it (ARCHITECTURE 4).
LIBRARIES = {
    "microhttpd.h": ["server/http/mhd"],
    "libwebsockets.h": ["server/ws/"],
    "uv.h": ["server/loop.c", "server/http/mhd", "server/ws/"],
    "sqlite3.h": ["runtime/store/"],
    "git2.h": ["runtime/repo/"],
    "seccomp.h": ["sandbox/filter/"],
    "yaml.h": ["runtime/build/"],
    "archive.h": ["sandbox/worker/"],
    "curl/curl.h": ["server/cmd/client.c"],
}
BANNED = ["strcpy", "strcat", "sprintf", "vsprintf", "atoi", "atol", "strtok", "gets", "alloca", "system", "popen", "tmpnam", "mktemp"]
OTHERS = ("tests/bench/proxy/",)               # a measuring package of its own, with its own manners
FILE_MAX, FUNCTION_MAX, LINE_MAX = 1000, 100, 190

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[">]')
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
offences = []


def sources(*suffixes):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"], cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(p for p in listed.stdout.split()
                  if p.endswith(suffixes) and not p.startswith(OTHERS) and (ROOT / p).exists())


def layer_of(path):
    fits = [k for k in LAYERS if path.startswith(k + "/")]
    return max(fits, key=len) if fits else None


def resolve(path, name):
    for place in (str(pathlib.PurePath(path).parent), ".", "runtime/base", "sandbox/proto"):
        found = os.path.normpath(f"{place}/{name}")
        if (ROOT / found).exists():
            return found
    return None


def check_include(path, number, kind, name):
    for library, places in LIBRARIES.items():
        if name == library and not any(path.startswith(p) for p in places) and not path.startswith("tests/"):
            offences.append(f"{path}:{number}: {library} belongs to {' '.join(places)} alone")
    layer = layer_of(path)
    if kind != '"' or layer is None:
        return
    target = resolve(path, name)
    if target is None:
        return                                  # generated (views.h, assets.h)
    folder = str(pathlib.PurePath(target).parent)
    if folder == str(pathlib.PurePath(path).parent):
        return
    allowed = LAYERS[layer] + [layer if layer not in ("server", "runtime", "sandbox") else "-"]
    if not any(target.startswith(a) for a in allowed) or (layer == "server" and target.startswith(("server/edge", "server/cmd"))):
        offences.append(f"{path}:{number}: {layer} may not include {target}")


def strip(text):
    """Comments and literals as blanks, so that words in them are not taken for code."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def check_functions(path, lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            if number - start > FUNCTION_MAX:
                offences.append(f"{path}:{start}: function of {number - start} lines (hard limit {FUNCTION_MAX})")
            start = None


def check_text(path):
    text = (ROOT / path).read_text()
    lines = text.split("\n")
    code = strip(text).split("\n")
    for number, line in enumerate(lines, 1):
        m = INCLUDE.match(line)
        if m:
            check_include(path, number, *m.groups())
        if len(line.expandtabs(8)) > LINE_MAX and not path.endswith(".def"):
            offences.append(f"{path}:{number}: line of {len(line.expandtabs(8))} columns (limit {LINE_MAX})")
        if line.rstrip() != line:
            offences.append(f"{path}:{number}: white space at the end")
    for number, line in enumerate(code, 1):
        m = CALL.search(line)
        if m and not line.startswith("#") and not path.startswith("tests/"):
            offences.append(f"{path}:{number}: {m.group(1)} is banned")
    if path.endswith(".c") and len(lines) > FILE_MAX and not re.search(r"_table\.c$|_rules\.c$", path):
        offences.append(f"{path}: {len(lines)} lines (hard limit {FILE_MAX})")
    if path.endswith(".c") and not path.startswith("tests/"):
        check_functions(path, code)


def check_verbs():
    """Every verb that reaches root or a sandbox has its row, with the reason why it is safe."""
    told = (ROOT / "sandbox/SECURITY.md").read_text()
    for header in ("launch", "init", "egress", "report"):
        text = (ROOT / f"sandbox/proto/{header}.h").read_text()
        for verb in re.findall(r"^\tX\((\w+), +(?!LAUNCH_FROM)\w+_(?:TO|FROM)_", text, flags=re.M):
            if not re.search(rf"^\| {verb} \|", told, flags=re.M):
                offences.append(f"sandbox/proto/{header}.h: {verb} has no row in sandbox/SECURITY.md")


def header_alone(path):
    run = subprocess.run(
        ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-iquote", ".", "-iquote", "runtime/base", "-iquote",
         "sandbox/proto", "-iquote", GEN, "-iquote", str(pathlib.PurePath(path).parent), "-x", "c", "-"],
        cwd=ROOT, input=f'#include "{path}"\n', capture_output=True, text=True)
    return f"{path}: does not compile alone: {run.stderr.strip().splitlines()[0]}" if run.returncode else None


def main():
    files = sources(".c", ".h")
    for path in files:
        check_text(path)
    check_verbs()
    headers = [p for p in files if p.endswith(".h") and not p.startswith("tests/")]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        offences.extend(o for o in pool.map(header_alone, headers) if o)
    for o in offences:
        print(o)
    print(f"lint: {len(files)} files, {len(offences)} offences")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
