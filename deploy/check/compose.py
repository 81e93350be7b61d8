"""What the compose files promise beyond their schema: python compose.py FILE …"""

import re
import sys
from pathlib import Path

import yaml


def problems(file):
    document = yaml.safe_load(file.read_text())
    services = document["services"]
    yield from missing_files(file, document)
    for name, service in services.items():
        if not service.get("read_only"):
            yield f"{name}: its root can be written to"
        if service.get("cap_drop") != ["ALL"] or "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: it could gain privileges"
        shared = service.get("network_mode", "").removeprefix("service:")
        if shared and shared not in services:
            yield f"{name}: shares the network of {shared}, which is not there"
    bot = services["bot"]
    if bot.get("ports") or bot.get("networks") or "network_mode" not in bot:
        yield "bot: others than the gateway could reach it"
    if services["gateway"].get("depends_on", {}) and "bot" in services["gateway"]["depends_on"]:
        yield "gateway: it waits for the bot"
    for address in (port for service in services.values() for port in service.get("ports", [])):
        if not address.startswith("127.0.0.1:") or ":8082" in address:
            yield f"port {address}: published to everybody, or the ops port is"
    if "demo" in file.name and not all((net or {}).get("internal") for net in document["networks"].values()):
        yield "a demo reaches nobody, so all of its networks are internal"


def missing_files(file, document):
    entries = [*document.get("configs", {}).values(), *document.get("secrets", {}).values()]
    for entry in entries:
        path = file.parent / entry["file"]
        # Secrets of your own are not in the repository.
        if not path.exists() and path.parent.name != "secrets":
            yield f"{path} is not there"
    variables = (file.parent / ".env.example").read_text()
    for needed in sorted(set(re.findall(r"\$\{(\w+):\?", file.read_text()))):
        if not re.search(rf"^{needed}=", variables, flags=re.M):
            yield f"{needed} is not in .env.example"
    for name, service in document["services"].items():
        for mount in service.get("volumes", []):
            path = file.parent / mount["source"]
            if not path.is_dir() and path.name != "secrets":
                yield f"{name}: {path} is no folder"
        if "build" not in service:
            continue
        context = file.parent / service["build"]["context"]
        if not (context / service["build"].get("dockerfile", "Dockerfile")).exists():
            yield f"{name}: nothing to build it from in {context}"


found = [f"{file}: {problem}" for file in sys.argv[1:] for problem in problems(Path(file))]
print("\n".join(found) or f"{len(sys.argv) - 1} files")
sys.exit(bool(found))
