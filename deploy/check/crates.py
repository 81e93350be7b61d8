"""Reads the list of crates that deploy/build.sh puts into the binary, as scanners do: python crates.py BINARY

The list must be that of this checkout: every crate that is compiled into the program or runs while it is built, each in
the version of Cargo.lock and from its registry. It may name crates that are not built: cargo-auditable asks
`cargo metadata`, which does not know that dependencies of tests are left out. Those are told, and the binary must not
hold any of their code.
"""

import json
import re
import struct
import subprocess
import sys
import tomllib
import zlib
from pathlib import Path

SECTION = b".dep-v0"
LIMIT = 1 << 20  # bytes of the list, unpacked; it has some 20,000


def section(elf):
    """The bytes of that section of a 64-bit little-endian ELF file."""
    if elf[:6] != b"\x7fELF\x02\x01":
        sys.exit("not a 64-bit little-endian ELF file")
    table, size, count, names = *struct.unpack_from("<Q", elf, 0x28), *struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", elf, table + number * size) for number in range(count)]
    strings = headers[names][4]
    for name, _, _, _, start, length in headers:
        if elf[strings + name :].startswith(SECTION + b"\0"):
            return elf[start : start + length]
    sys.exit(f"no section {SECTION.decode()}: the binary does not say what it is made of (deploy/build.sh)")


def named(elf):
    """What the binary says of itself: (name, version) → where it came from."""
    packages = json.loads(zlib.decompressobj().decompress(section(elf), LIMIT))["packages"]
    return {(each["name"], each["version"]): each["source"] for each in packages}


def built():
    """What cargo builds for the program: its crates, and those that run meanwhile."""
    host = re.search(r"^host: (.+)$", subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout, re.M)
    line = ["cargo", "tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--target", host[1]]
    tree = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True).stdout
    return set(re.findall(r"^(\S+) v(\S+)", tree, re.M))


def locked():
    packages = tomllib.loads(Path("Cargo.lock").read_text())["package"]
    return {(each["name"], each["version"]): "registry" if "checksum" in each else "local" for each in packages}


def inside(elf, crate):
    """Whether there is code of it: places in the sources stay in the binary, for panics."""
    return "/{}-{}/".format(*crate).encode() in elf


def main():
    elf = Path(sys.argv[1]).read_bytes()
    list_of, needed, lock = named(elf), built(), locked()
    surplus = list_of.keys() - needed
    source = {"crates.io": "registry", "local": "local"}
    wrong = [f"{name} {version} is built and not named" for name, version in sorted(needed - list_of.keys())]
    wrong += [
        f"{name} {version} of {came} is not in Cargo.lock"
        for (name, version), came in sorted(list_of.items())
        if lock.get((name, version)) != source.get(came)
    ]
    wrong += [f"{name} {version} is in the binary, and cargo tree does not know it" for name, version in sorted(surplus) if inside(elf, (name, version))]
    if not any(inside(elf, crate) for crate in needed):
        wrong.append("no crate leaves a trace in this binary, so it cannot be told which ones are inside")
    print(f"{len(list_of)} crates named, {len(needed)} of them built, in {len(section(elf))} bytes")
    print("named and not built:", ", ".join(sorted(name for name, _ in surplus)) or "none")
    sys.exit("\n".join(wrong) or 0)


main()
