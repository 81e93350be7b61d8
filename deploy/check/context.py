"""What `docker build` is given holds all that a build needs, and nothing that could be a secret: python context.py

The context is laid out as .dockerignore says, and cargo must find everything in it that Cargo.toml names.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Names that may hold tokens, or histories of them.
SECRETS = (".cargo", ".git", ".env", "secrets", "target")

rules = [line.strip() for line in Path(".dockerignore").read_text().splitlines()]
rules = [rule for rule in rules if rule and not rule.startswith("#")]
if rules[0] != "*" or not all(rule.startswith("!") for rule in rules[1:]):
    sys.exit(".dockerignore leaves out everything first, and then names what is let in")
wanted = [Path(rule[1:]) for rule in rules[1:]]
wrong = [f"{path}: may hold a secret" for path in wanted if set(path.parts) & set(SECRETS)]
wrong += [f"{path}: there is no such file" for path in wanted if not path.exists()]

with tempfile.TemporaryDirectory() as context:
    for path in filter(Path.exists, wanted):
        to = Path(context, path)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(path, to) if path.is_dir() else shutil.copy(path, to)
    line = ["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"]
    read = subprocess.run(line, cwd=context, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if read.returncode:
        wrong.append(read.stderr)
print(f"{len(wanted)} names in the context")
sys.exit("\n".join(wrong) or 0)
