"""Writes the Prometheus operator's copy of deploy/monitoring/alerts.yaml."""

from pathlib import Path

HEAD = """\
# The rules of deploy/monitoring/alerts.yaml for the Prometheus operator: python deploy/check/prometheusrule.py
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: botwarden
  labels: {app.kubernetes.io/name: botwarden}
spec:
"""

rules = Path("deploy/monitoring/alerts.yaml").read_text()
rules = rules[rules.index("groups:") :]
indented = "".join(f"  {line}" if line.strip() else line for line in rules.splitlines(keepends=True))
Path("deploy/kubernetes/prometheus/prometheusrule.yaml").write_text(HEAD + indented)
