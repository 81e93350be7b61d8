"""Every link from a document to a file or heading of this repository leads somewhere."""

import re
import sys
from pathlib import Path
from urllib.parse import unquote

DOCUMENTS = [*Path(".").glob("*.md"), *Path("docs").glob("*.md"), *Path("deploy").rglob("*.md")]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def prose(document):
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.M | re.S)


def anchors(document):
    headings = re.findall(r"^#+ +(.+)$", prose(document), flags=re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


def broken(document, link):
    if re.match(r"[a-z]+:", link):
        return None
    path, _, anchor = link.partition("#")
    target = (document.parent / unquote(path)) if path else document
    if not target.exists():
        return "no such file"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return "no such heading"
    return None


problems = [
    f"{document}: {link}: {why}"
    for document in DOCUMENTS
    for link in LINK.findall(prose(document))
    if (why := broken(document, link))
]
print("\n".join(problems) or f"{len(DOCUMENTS)} documents")
sys.exit(bool(problems))
