"""Every command that a document tells of exists, with these flags: python commands.py BOTWARDEN"""

import re
import subprocess
import sys
from pathlib import Path

DOCUMENTS = [*Path(".").glob("*.md"), *Path("docs").glob("*.md"), *Path("deploy").rglob("*.md")]
# In code only: prose may talk about botwarden.
CODE = re.compile(r"`(botwarden [^`]+)`|^\s*(?:sudo )?(botwarden .+)$", flags=re.M)
HELP = {}


def told(words):
    """What the command says of itself, or None."""
    if words not in HELP:
        done = subprocess.run([sys.argv[1], *words, "--help"], capture_output=True, text=True, timeout=30)
        HELP[words] = done.stdout if done.returncode == 0 else None
    return HELP[words]


def problem(line):
    words = line.split(" #")[0].split()[1:]
    command = tuple(word for word in words[:1] if re.fullmatch(r"[a-z]+", word))
    if not command:
        return None
    page = told(command)
    if page is None:
        return "no such command"
    deeper = words[1] if len(words) > 1 and re.fullmatch(r"[a-z][a-z-]+", words[1]) else None
    if deeper and re.search(rf"^  {deeper}\b", page, flags=re.M):
        page = told((*command, deeper))
    flags = [word.split("=")[0] for word in words if word.startswith("--")]
    unknown = [flag for flag in flags if not re.search(rf"{flag}\b", page)]
    return f"no {', '.join(unknown)}" if unknown else None


problems = [
    f"{document}: `{line}`: {why}"
    for document in DOCUMENTS
    for line in {one or two for one, two in CODE.findall(document.read_text())}
    if (why := problem(line))
]
print("\n".join(problems) or f"{len(HELP)} commands")
sys.exit(bool(problems))
