"""Alerts, their tests, the runbook, the operator's copy and the dashboard tell the same: python monitoring.py SCRAPE OUT

SCRAPE is what the running gateway answered to /metrics. OUT gets the dashboard's expressions as rules, for promtool.
"""

import json
import re
import sys
from pathlib import Path

import yaml

HERE = Path("deploy/monitoring")
OPERATOR = Path("deploy/kubernetes/prometheus/prometheusrule.yaml")
RUNBOOK = Path("docs/runbook.md")
PARTS = ("summary", "description", "runbook_url")

# What the scrape of a gateway that is well must say, or alerts fire for nothing.
WELL = (
    "botwarden_config_last_reload_successful 1",
    'botwarden_token_valid{bot="helpdesk"} 1',
    'botwarden_route_mode{route="helpdesk",mode="observe"} 0',
    'botwarden_webhooks{bot="helpdesk",state="bypass"} 0',
    "botwarden_decision_log_errors_total 0",
)

groups = yaml.safe_load((HERE / "alerts.yaml").read_text())["groups"]
rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
tests = [test for file in HERE.glob("*_test.yaml") for test in yaml.safe_load(file.read_text())["tests"]]
dashboard_text = (HERE / "grafana/botwarden.json").read_text()
dashboard = json.loads(dashboard_text)


def rule_problems():
    for name, rule in rules.items():
        if rule["labels"]["severity"] not in ("critical", "warning", "info"):
            yield f"{name}: no such severity"
        if tuple(rule["annotations"]) != PARTS:
            yield f"{name}: annotations are {', '.join(PARTS)}"
        elif rule["annotations"]["runbook_url"] != f"docs/runbook.md#{name.lower()}":
            yield f"{name}: runbook_url leads elsewhere"
    cases = [case for test in tests for case in test["alert_rule_test"]]
    for name in rules:
        ends = {bool(case["exp_alerts"]) for case in cases if case["alertname"] == name}
        if ends != {True, False}:
            yield f"{name}: there must be a test in which it fires, and one in which it does not"
    yield from (f"{case['alertname']}: tested, but no alert" for case in cases if case["alertname"] not in rules)
    operator = yaml.safe_load(OPERATOR.read_text())
    if operator["spec"]["groups"] != groups:
        yield f"{OPERATOR}: other rules than alerts.yaml; run python deploy/check/prometheusrule.py"


def runbook_problems():
    headings = re.findall(r"^## (Botwarden\w+)$", RUNBOOK.read_text(), flags=re.M)
    yield from (f"{RUNBOOK}: no heading {name}" for name in rules if name not in headings)
    yield from (f"{RUNBOOK}: {name} is no alert" for name in headings if name not in rules)


def metrics_in(expression):
    return set(re.findall(r"\b(?:botwarden|http|process)_\w+", re.sub(r'"[^"]*"', "", expression)))


def known(scrape):
    """Names of samples, and of families, for a family may have no sample before its first event."""
    names = set(re.findall(r"^(\w+)[{ ]", scrape, flags=re.M))
    for family, kind in re.findall(r"^# TYPE (\S+) (\S+)", scrape, flags=re.M):
        names |= {family + end for end in ["_bucket", "_count", "_sum"]} if kind == "histogram" else {family}
    return names


def labels_of(scrape):
    """Per sample's name, the labels and their values that the scrape has."""
    seen = {}
    for name, labels in re.findall(r"^(\w+)\{([^}]*)\}", scrape, flags=re.M):
        for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
            seen.setdefault(name, {}).setdefault(label, set()).add(value)
    return seen


def selector_problems(where, expression, seen):
    """Values that are asked for must exist: an alert on a reason that is spelled otherwise never fires."""
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", expression):
        for label, operator, value in re.findall(r'(\w+)(=~|=|!=|!~)"([^"]*)"', matchers):
            values = seen.get(name, {}).get(label)
            if values is None:
                if name in seen:
                    yield f"{where}: {name} has no label {label}"
            elif "$" not in value and label in ("reason", "state", "verdict", "mode"):
                asked = value.split("|")
                yield from (f'{where}: {name} is never {label}="{one}"' for one in asked if one not in values)


def expressions():
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"dashboard, {panel['title']}", target["expr"]


def dashboard_problems():
    if "__inputs" in dashboard:
        yield "dashboard: __inputs is for imports by hand"
    for panel in dashboard["panels"]:
        if panel["type"] != "row" and panel["datasource"]["uid"] != "${datasource}":
            yield f"dashboard, {panel['title']}: another data source"
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(ids) != len(set(ids)):
        yield "dashboard: two panels with one id"


def main(scrape, out):
    scrape = Path(scrape).read_text()
    exist, seen = known(scrape), labels_of(scrape)
    problems = [*rule_problems(), *runbook_problems(), *dashboard_problems()]
    problems += [f"a gateway that is well does not say: {line}" for line in WELL if line not in scrape.splitlines()]
    asked = [*((name, rule["expr"]) for name, rule in rules.items()), *expressions()]
    for variable in dashboard["templating"]["list"]:
        query = variable["query"]
        asked += [(f"dashboard, variable {variable['name']}", query["query"])] if isinstance(query, dict) else []
    for where, expression in asked:
        problems += [f"{where}: no metric {name}" for name in sorted(metrics_in(expression) - exist)]
        problems += selector_problems(where, expression, seen)
    plain = [expression.replace("$__rate_interval", "5m").replace("$route", ".*").replace("$bot", ".*") for _, expression in expressions()]
    records = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(plain)]
    Path(out).write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}))
    print("\n".join(problems) or f"{len(rules)} alerts, {len(tests)} tests, {len(records)} expressions, {len(exist)} metrics")
    return bool(problems)


sys.exit(main(*sys.argv[1:]))
