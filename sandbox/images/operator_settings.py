#!/usr/bin/python3
"""operator_settings.py - the operator's package index, certificates and proxies, translated for build sandboxes.

Reads what pip, uv and apt of this machine are told (environment, pip.conf, apt's configuration and sources)
and writes IMAGES/operator:

    env                  NAME=value lines for build sandboxes; 0600, an index may have a password
    allow                lines allow=HOST:PORT: what builds may reach even at a private address
    ca-certificates.crt  the machine's bundle and the files that SSL_CERT_FILE and the like name
    pip.conf apt.conf debian.sources    for tools that read files; pip.conf without passwords

A service on this machine's loopback is not reachable from a sandbox, whose loopback is its own. In addresses
of indexes and proxies it becomes GATE, which vitrine-egress leads to the host's loopback, for the listed ports.
"""
import argparse
import configparser
import os
import re
import shlex
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

GATE = "198.18.0.1"                     # RFC 2544: never on the Internet; sandbox/egress/policy.h
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
KEYRINGS = "/usr/share/keyrings/debian-archive"
CERT_NAMES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS")
PROXY_NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
# Settings of uv that mean the same inside a sandbox; its paths (UV_CACHE_DIR and so on) do not.
UV_KEEP = re.compile(r"UV_(INDEX_STRATEGY|INSECURE_HOST|NATIVE_TLS|SYSTEM_CERTS|HTTP_TIMEOUT|HTTP_RETRIES|CONCURRENT_[A-Z]+|"
                     r"PRERELEASE|EXCLUDE_NEWER|NO_BINARY|NO_BINARY_PACKAGE|ONLY_BINARY|INDEX_[A-Z0-9_]+_(USERNAME|PASSWORD))$")
PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080, "ftp": 21}
APT_KEEP = re.compile(r"acquire::(https?::(proxy(::.+)?|verify-peer|verify-host|cainfo|timeout)|check-date|check-valid-until)")
LOOPBACK = re.compile(r"(localhost|127(\.\d+){3}|::1)$")


notes = []


def note(text):
    notes.append(f"make-images: {text}\n")


def write(directory, name, text, mode=0o644):
    """Replace a file when it changes, so that nobody sees half of one; returns whether it did."""
    path = os.path.join(directory, name)
    data = text if isinstance(text, bytes) else text.encode()
    try:
        with open(path, "rb") as f:
            if f.read() == data and os.stat(path).st_mode & 0o777 == mode:
                return False
    except FileNotFoundError:
        pass
    fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "wb") as f:
        os.fchmod(fd, mode)
        f.write(data)
    os.rename(path + ".new", path)
    return True


class Hosts:
    """The host:port pairs that builds must reach, collected while addresses are translated."""

    def __init__(self):
        self.allow = set()

    def url(self, value, what):
        """VALUE as it reads inside a sandbox, or None when it names something of this machine's disk."""
        parts = urlsplit(value if "://" in value else f"http://{value}")
        if parts.scheme not in PORTS or not parts.hostname:
            note(f"ignoring {what}: builds cannot reach '{value}' of this machine's disk")
            return None
        try:
            port = parts.port or PORTS[parts.scheme]
        except ValueError:
            note(f"ignoring {what}: it has no valid port")
            return None
        host = parts.hostname
        if LOOPBACK.match(host):
            self.allow.add(f"127.0.0.1:{port}")
            who, at, _ = parts.netloc.rpartition("@")
            parts = parts._replace(netloc=f"{who}{at}{GATE}:{port}")
            return urlunsplit(parts)
        self.allow.add(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        return value

    def urls(self, value, what):
        found = (self.url(v, what) for v in value.split())
        return " ".join(v for v in found if v)


def pip_settings():
    """pip's [global] and [install] sections, weakest first, then PIP_*: names as in pip.conf."""
    home = os.path.expanduser("~")
    files = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", f"{home}/.pip/pip.conf", f"{home}/.config/pip/pip.conf"]
    files += [os.environ["PIP_CONFIG_FILE"]] if os.environ.get("PIP_CONFIG_FILE") else []
    settings = {}
    for path in files:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(path)
        except configparser.Error as e:
            note(f"ignoring {path}: {e.message}".replace("\n", " "))
            continue
        for section in ("global", "install", "download"):
            if parser.has_section(section):
                settings.update((k.replace("_", "-"), v) for k, v in parser.items(section))
    settings.update((k[4:].lower().replace("_", "-"), v) for k, v in os.environ.items() if k.startswith("PIP_") and v)
    return settings


def uv_env(pip, hosts):
    """uv's variables: its own win over what pip is told."""
    take = os.environ.get
    env = {k: v for k, v in os.environ.items() if UV_KEEP.match(k) and "\n" not in v}
    index = take("UV_DEFAULT_INDEX") or take("UV_INDEX_URL") or pip.get("index-url")
    extra = take("UV_INDEX") or take("UV_EXTRA_INDEX_URL") or pip.get("extra-index-url")
    links = take("UV_FIND_LINKS") or pip.get("find-links")
    if index:
        env["UV_DEFAULT_INDEX"] = hosts.url(index.strip(), "the package index")
    if extra:
        env["UV_INDEX"] = hosts.urls(extra, "an extra package index")
    if links:
        env["UV_FIND_LINKS"] = ",".join(hosts.urls(links.replace(",", " "), "find-links").split())
    if pip.get("trusted-host") and "UV_INSECURE_HOST" not in env:
        env["UV_INSECURE_HOST"] = " ".join(pip["trusted-host"].split())
    timeout = pip.get("timeout") or pip.get("default-timeout", "")
    if timeout.isdigit() and "UV_HTTP_TIMEOUT" not in env:
        env["UV_HTTP_TIMEOUT"] = timeout
    return env


def proxy_env(pip, hosts):
    env = {}
    for name in PROXY_NAMES:
        value = os.environ.get(name) or os.environ.get(name.upper())
        if not value and name in ("http_proxy", "https_proxy"):
            value = pip.get("proxy")
        if value and name != "no_proxy":
            value = hosts.url(value, name)
        if value:
            env[name] = env[name.upper()] = value
    return env


def bundle(pip):
    """Every certificate that programs of this machine are told to trust, once."""
    names = [BUNDLE] + [os.environ[n] for n in CERT_NAMES if os.environ.get(n)] + ([pip["cert"]] if pip.get("cert") else [])
    blocks = {}
    for name in dict.fromkeys(os.path.realpath(n) for n in names):
        try:
            with open(name, encoding="ascii", errors="replace") as f:
                found = re.findall(r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----.*?-----END (?:TRUSTED )?CERTIFICATE-----", f.read(), re.S)
        except OSError as e:
            note(f"ignoring certificates in {name}: {e.strerror}")
            continue
        blocks.update((block, None) for block in found)
    return "".join(f"{b}\n" for b in blocks)


def apt_settings(hosts):
    """The lines of apt's configuration about proxies, TLS and dates of snapshots."""
    try:
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    lines = []
    for name, value in re.findall(r'^(Acquire::[^ ]+) "(.*)";$', dump, re.M):
        key = name.lower()
        if not APT_KEEP.fullmatch(key) or not value:
            continue
        if "::proxy" in key and value.upper() != "DIRECT":
            value = hosts.url(value, name)
            if value and "@" in value:
                note(f"{name} has a password; it is in apt.conf of the operator folder, where build sandboxes can read it")
        elif key.endswith("cainfo"):
            value = BUNDLE
        if value:
            lines.append(f'{name} "{value}";\n')
    return "".join(lines)


def one_line_entries(text):
    for m in re.finditer(r"^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+)$", text, re.M):
        options = dict(o.split("=", 1) for o in shlex.split(m[1] or "") if "=" in o)
        yield {"URIs": m[2], "Suites": m[3], "Components": m[4].split("#")[0].strip(), "Signed-By": options.get("signed-by", "")}


def deb822_entries(text):
    for stanza in re.split(r"\n\s*\n", text):
        fields, last = {}, None
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in " \t" and last:
                fields[last] += "\n" + line
            elif ":" in line:
                last, value = line.split(":", 1)
                last = {"uris": "URIs", "signed-by": "Signed-By"}.get(last.lower(), last.title())
                fields[last] = value.strip()
        if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes").lower() != "no" and "URIs" in fields:
            yield fields


def debian_sources(suite):
    """This machine's sources of SUITE from Debian itself, as dictionaries; the official ones when it has none."""
    found = []
    folder = "/etc/apt/sources.list.d"
    files = ["/etc/apt/sources.list"] + [f"{folder}/{n}" for n in (sorted(os.listdir(folder)) if os.path.isdir(folder) else [])]
    for path in files:
        try:
            with open(path, encoding="utf-8") as f:
                text = f.read()
        except OSError:
            continue
        entries = deb822_entries(text) if path.endswith(".sources") else one_line_entries(text) if path.endswith(".list") else []
        for entry in entries:
            suites = [s for s in entry.get("Suites", "").split() if s in (suite, f"{suite}-updates", f"{suite}-security")]
            components = entry.get("Components", "").split()
            if suites and "main" in components and not entry["URIs"].startswith(("cdrom:", "file:", "copy:")):
                found.append(dict(entry, Suites=" ".join(suites)))
    if not any(suite in e["Suites"].split() for e in found):
        found = [{"URIs": "http://deb.debian.org/debian", "Suites": f"{suite} {suite}-updates", "Components": "main"},
                 {"URIs": "http://deb.debian.org/debian-security", "Suites": f"{suite}-security", "Components": "main"}]
    return found


def sources_text(entries, sandbox, directory, hosts):
    """The entries as deb822; for a SANDBOX with keys and loopback mirrors as they are found there."""
    text = ""
    for n, entry in enumerate(entries):
        key, uris = entry.get("Signed-By") or f"{KEYRINGS}-keyring.gpg", entry["URIs"]
        if sandbox:
            uris = hosts.urls(uris, "a Debian mirror") or uris
            if key.startswith("/") and not key.startswith(KEYRINGS) and os.path.exists(key):
                name = f"key-{n}{os.path.splitext(key)[1]}"
                with open(key, "rb") as f:
                    write(directory, name, f.read())
                key = f"/etc/operator/{name}"
        text += f"Types: deb\nURIs: {uris}\nSuites: {entry['Suites']}\nComponents: {entry['Components']}\nSigned-By: {key}\n\n"
    return text


def pip_conf(env):
    """For tools that read pip's own file; passwords stay in env, which only root and the build's own process see."""
    def bare(value):
        return re.sub(r"//[^/@\s]*@", "//", value)
    lines = ["[global]", f"cert = {BUNDLE}"]
    for name, key in (("UV_DEFAULT_INDEX", "index-url"), ("UV_INDEX", "extra-index-url"), ("UV_INSECURE_HOST", "trusted-host")):
        if env.get(name):
            lines.append(f"{key} = {bare(env[name])}")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="the folder IMAGES/operator")
    parser.add_argument("--host-sources", help="also write this machine's Debian sources here, for mmdebstrap")
    parser.add_argument("--notes", help="remember here what was said")
    parser.add_argument("--suite", default="bookworm")
    options = parser.parse_args()

    os.makedirs(options.out, mode=0o755, exist_ok=True)
    pip, hosts = pip_settings(), Hosts()
    env = {**uv_env(pip, hosts), **proxy_env(pip, hosts), **{name: BUNDLE for name in CERT_NAMES if name != "CURL_CA_BUNDLE"}}
    env = {k: v for k, v in sorted(env.items()) if v and "\n" not in v}
    sources = debian_sources(options.suite)
    apt = apt_settings(hosts)
    if options.host_sources:
        with open(options.host_sources, "w", encoding="utf-8") as f:
            f.write(sources_text(sources, False, options.out, hosts))
    write(options.out, "debian.sources", sources_text(sources, True, options.out, hosts))
    write(options.out, "apt.conf", apt)
    write(options.out, "pip.conf", pip_conf(env))
    write(options.out, "ca-certificates.crt", bundle(pip))
    write(options.out, "env", "".join(f"{k}={v}\n" for k, v in env.items()), 0o600)
    write(options.out, "allow", "".join(f"allow={a}\n" for a in sorted(hosts.allow)), 0o600)
    if not options.notes or write(os.path.dirname(options.notes), os.path.basename(options.notes), "".join(notes), 0o600):
        sys.stderr.write("".join(notes))            # said once, not at every start
    return 0


if __name__ == "__main__":
    sys.exit(main())
