#!/usr/bin/env python3
"""Checks that every relative link in the repository's Markdown leads to a file, and to a heading."""

import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$")
HTML_ANCHOR = re.compile(r"<a\s[^>]*(?:id|name)=\"([^\"]+)\"")
INLINE_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
# [text](target), ![text](target "title"), [label]: target, href="target", src="target"
LINKS = [
    re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)"),
    re.compile(r"^ {0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)"),
    re.compile(r"\b(?:href|src)=\"([^\"]+)\""),
]
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:|^//", re.IGNORECASE)


def main():
    root = Path(__file__).resolve().parent.parent
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout.split("\0")
    checked, faults = 0, []
    for name in filter(None, files):
        page = root / name
        for number, target in links(page):
            checked += 1
            fault = judge(root, page, target)
            if fault:
                faults.append(f"{name}:{number}: {target}: {fault}")
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"{checked} relative links lead somewhere")


def links(page):
    """Relative links of a page with their line numbers."""
    for number, line in prose(page):
        line = INLINE_CODE.sub("", line)
        for pattern in LINKS:
            for target in pattern.findall(line):
                if not ELSEWHERE.match(target):
                    yield number, target


def judge(root, page, target):
    """What is wrong with a link, or None."""
    path, _, anchor = urllib.parse.unquote(target).partition("#")
    goal = page if not path else (root / path[1:] if path.startswith("/") else page.parent / path)
    goal = goal.resolve()
    if root not in goal.parents and goal != root:
        return "leads out of the repository"
    if not goal.exists():
        return "no such file"
    if anchor and goal.suffix == ".md" and anchor not in anchors(goal):
        return "no such heading"
    return None


def anchors(page):
    """The anchors that a page's headings get where it is shown."""
    found, seen = set(), {}
    for _, line in prose(page):
        found.update(HTML_ANCHOR.findall(line))
        heading = HEADING.match(line)
        if heading:
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1))
            text = re.sub(r"[*`]", "", text).strip().lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            found.add(f"{slug}-{count}" if count else slug)
    return found


def prose(page):
    """Numbered lines of a page outside fenced code."""
    fence = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        mark = FENCE.match(line)
        if fence:
            if mark and mark.group(1).startswith(fence) and not line.strip().strip(fence[0]):
                fence = None
        elif mark:
            fence = mark.group(1)
        else:
            yield number, line


main()
