"""vitrine-server alone: no edge, no launcher, no apps. For trying handlers by hand and for tests of the API only.

    python tests/helpers/solo_server.py BIN_FOLDER [COMMAND ...]

starts BIN_FOLDER/vitrine-server on a port of the kernel's choice with a fresh state, makes the users admin
and bob, and runs COMMAND (or waits for a key) with VITRINE_URL, VITRINE_TOKEN and VITRINE_OTHER_TOKEN.
"""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile


class SoloServer:
    def __init__(self, bin_folder, state=None):
        self.bin = pathlib.Path(bin_folder)
        self.own_state = state is None
        self.state = pathlib.Path(state or tempfile.mkdtemp(prefix="vitrine-solo-"))
        self.tokens = {}
        self.process = None

    def add_user(self, name, *options):
        """Before the start: the command opens the database itself."""
        out = subprocess.run([self.bin / "vitrine", "admin", "user", "add", name, *options, "--state", self.state],
                             check=True, capture_output=True, text=True).stdout
        self.tokens[name] = out.split()[1]
        return self.tokens[name]

    def start(self, port=0):
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
        launcher, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        port = listener.getsockname()[1]
        self.url = f"http://localhost:{port}"
        self.launcher = launcher        # never answers: what needs a sandbox stays waiting
        self.process = subprocess.Popen(
            [self.bin / "vitrine-server", "--state", self.state, "--domain", "localhost", "--listen-name", f"localhost:{port}",
             "--http-fd", str(listener.fileno()), "--launch-fd", str(theirs.fileno())],
            pass_fds=[listener.fileno(), theirs.fileno()])
        listener.close()
        theirs.close()
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.launcher.close()
        if self.own_state:
            shutil.rmtree(self.state, ignore_errors=True)
        return self.process.returncode if self.process else None


def main():
    solo = SoloServer(sys.argv[1])
    solo.add_user("admin", "--admin")
    solo.add_user("bob")
    solo.start()
    env = dict(os.environ, VITRINE_URL=solo.url, VITRINE_TOKEN=solo.tokens["admin"], VITRINE_OTHER_TOKEN=solo.tokens["bob"],
               VITRINE_STATE=str(solo.state))
    try:
        if len(sys.argv) > 2:
            return subprocess.run(sys.argv[2:], env=env, check=False).returncode
        print(f"{solo.url} admin {solo.tokens['admin']} bob {solo.tokens['bob']}: Return ends it")
        input()
        return 0
    finally:
        solo.stop()


if __name__ == "__main__":
    sys.exit(main())
