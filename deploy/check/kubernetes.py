"""What the rendered manifests promise beyond their schema: python kubernetes.py FILE …"""

import re
import sys
from pathlib import Path

import yaml

VERSION = re.search(r'^version = "(.+)"', Path("Cargo.toml").read_text(), flags=re.M)[1]
# preStop.sleep of the bot, its own end, and server.drain_timeout
GRACE = 5 + 10 + 25


def problems(file):
    documents = list(yaml.safe_load_all(file.read_text()))
    named = {(document["kind"], document["metadata"]["name"]) for document in documents}
    deployments = [document for document in documents if document["kind"] == "Deployment"]
    if len(deployments) != 1:
        yield f"{len(deployments)} deployments"
    for deployment in deployments:
        pod = deployment["spec"]["template"]["spec"]
        yield from in_pod(pod, old_style="pre-1.29" in file.name)
        yield from mounts(pod, named)
    for document in documents:
        if document["kind"] == "CronJob":
            yield from mounts(document["spec"]["jobTemplate"]["spec"]["template"]["spec"], named)
        yield from numbered(document)
    for image in re.findall(r"image: (\S+/botwarden:\S+)", file.read_text()):
        if not image.endswith(f":{VERSION}"):
            yield f"{image}: this is version {VERSION}"


def numbered(document):
    """Before 1.32 a Service does not find a named port of a sidecar, and many networks do not for a policy."""
    spec = document.get("spec", {})
    if document["kind"] == "Service":
        ports = [port["targetPort"] for port in spec["ports"]]
    elif document["kind"] == "NetworkPolicy":
        ports = [port["port"] for rule in spec["ingress"] for port in rule["ports"]]
    else:
        return
    if not ports or not set(ports) <= {8080, 8082}:
        yield f"{document['kind']}: its ports are the numbers of the gateway's, not {ports}"


def in_pod(pod, old_style):
    side, bots = pod.get("initContainers", []), pod["containers"]
    gateways = [each for each in (bots if old_style else side) if each["name"] == "gateway"]
    if len(gateways) != 1:
        yield "the gateway is not where it belongs"
        return
    gateway = gateways[0]
    if (gateway.get("restartPolicy") == "Always") == old_style:
        yield "restartPolicy makes the difference between a sidecar and a container"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if gateway[probe]["httpGet"]["port"] != "ops":
            yield f"{probe}: the bot is not running yet when it is asked for the first time"
    if gateway["startupProbe"]["httpGet"]["path"] != "/livez":
        yield "startupProbe: a token that Webex refuses is no reason to kill the gateway"
    if not any("preStop" in bot.get("lifecycle", {}) for bot in bots):
        yield "the bot is stopped at once, before the gateway has delivered what it has"
    if pod.get("terminationGracePeriodSeconds", 30) < GRACE:
        yield f"terminationGracePeriodSeconds: less than {GRACE}"
    context = gateway["securityContext"]
    if not context["readOnlyRootFilesystem"] or context["allowPrivilegeEscalation"] or context["capabilities"] != {"drop": ["ALL"]}:
        yield "the gateway may more than it needs"
    if any("subPath" in mount for mount in gateway["volumeMounts"]):
        yield "subPath: such files never change again"


def mounts(pod, named):
    """Every mount has its volume, and every ConfigMap and claim is among what is applied."""
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    for container in pod.get("initContainers", []) + pod["containers"]:
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                yield f"{container['name']}: nothing to mount as {mount['name']}"
    for volume in volumes.values():
        if "configMap" in volume and ("ConfigMap", volume["configMap"]["name"]) not in named:
            yield f"no ConfigMap {volume['configMap']['name']}"
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim and ("PersistentVolumeClaim", claim) not in named:
            yield f"no claim {claim}"


found = [f"{file}: {problem}" for file in sys.argv[1:] for problem in problems(Path(file))]
# What was in the example before the component is in it afterwards.
example = next(Path(file) for file in sys.argv[1:] if Path(file).name == "example.yaml").read_text()
found += [f"example: {kept} is gone" for kept in ("migrate.py", "name: scratch", "mountPath: /tmp") if kept not in example]
print("\n".join(found) or f"{len(sys.argv) - 1} renderings")
sys.exit(bool(found))
