"""Every sample gateway.yaml is accepted by `botwarden check --offline`: python samples.py BOTWARDEN FILE …

Secrets and credentials are made up, and the date of observing is made one that is not over. And what is said to be the
same file for compose and Kubernetes is the same.
"""

import datetime
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

BOTWARDEN, FILES = sys.argv[1], [Path(file) for file in sys.argv[2:]]
BASE = Path("deploy/kubernetes/base/gateway.yaml")
SAME = ["deploy/compose/config/gateway.yaml", BASE, "deploy/kubernetes/example/gateway.yaml"]
OBSERVE = Path("deploy/kubernetes/overlays/observe/gateway.yaml")
# In these, events of rooms with outsiders pass on purpose, and the gateway warns of it.
EXPECTED = {OBSERVE: {"W111"}}


def rules(file):
    """Without the first line, which names the schema."""
    return Path(file).read_text().split("\n", 1)[1]


def secrets(text, folder):
    for kind, name in re.findall(r"\{(file|credential): ([^}]+)\}", text):
        path = folder / Path(name).name
        path.touch(mode=0o600)
        path.write_text(f"made-up-{path.name}-0123456789abcdef")
    return re.sub(r"\{file: /run/secrets/", f"{{file: {folder}/", text)


def check(file):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        text = secrets(file.read_text(), folder)
        later = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=30)
        text = re.sub(r"observe_until: [\d-]+", f"observe_until: {later}", text)
        # Directories that the installation makes.
        for path in re.findall(r"dir: (/[\w/.-]+)", text):
            (folder / Path(path).name).mkdir(exist_ok=True)
            text = text.replace(f"dir: {path}", f"dir: {folder / Path(path).name}")
        copy = folder / "gateway.yaml"
        copy.write_text(text)
        environment = {"PATH": os.environ["PATH"], "CREDENTIALS_DIRECTORY": str(folder)}
        done = subprocess.run(
            [BOTWARDEN, "check", "--offline", "--config", copy], capture_output=True, text=True, env=environment, timeout=30
        )
    told = done.stdout + done.stderr
    warned = set(re.findall(r"warning\[(\w+)\]", told))
    if done.returncode == 0 and warned == EXPECTED.get(file, set()):
        return []
    return [f"{file}: exit {done.returncode}, warnings {sorted(warned)}\n{told}"]


problems = [problem for file in FILES for problem in check(file)]
if len({rules(file) for file in SAME}) > 1:
    problems.append(f"not the same: {', '.join(map(str, SAME))}")
enforced, observed = (yaml.safe_load(file.read_text()) for file in (BASE, OBSERVE))
alone = [observed["policy"].pop(key, None) for key in ("mode", "observe_until")]
managed = [bot["webhooks"].pop("manage") for told in (enforced, observed) for bot in told["bots"].values()]
if observed != enforced or alone[0] != "observe" or managed != ["ensure", "check"]:
    problems.append(f"{OBSERVE}: differs from the base in something else than observing")
unit = Path("deploy/systemd/botwarden.service").read_text()
handed = set(re.findall(r"^LoadCredential=(\w+):", unit, flags=re.M))
asked = set(re.findall(r"\{credential: (\w+)\}", Path("deploy/systemd/gateway.yaml").read_text()))
if handed != asked:
    problems.append(f"systemd hands over {sorted(handed)}, gateway.yaml asks for {sorted(asked)}")
print("\n".join(problems) or f"{len(FILES)} files are accepted")
sys.exit(bool(problems))
