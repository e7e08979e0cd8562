#!/usr/bin/env python3
"""Holds deny.toml without cargo-deny: banned crates, licences and sources of everything this host would build.

Usage: check-dependencies.py [deny.toml]      exit code 0: all hold, 1: something is refused, 2: could not tell

The graph comes from `cargo tree` (`cargo metadata` also lists optional crates that no feature switches on), sources
and licences come from `cargo metadata`. An SPDX expression holds when a choice of its licences is on the allow-list.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
Package = tuple[str, str]  # name, version


def cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments, "--locked"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def host() -> str:
    version = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.search(r"^host: (\S+)$", version, re.MULTILINE)[1]


def built_packages() -> set[Package]:
    """Name and version of every package that a build, a test or a bench of the workspace compiles on this host."""
    tree = cargo("tree", "--workspace", "--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}")
    lines = (line.split() for line in tree.splitlines() if line.strip())
    return {(name, version.removeprefix("v")) for name, version, *_ in lines}


def allowed(expression: str, allow: set[str]) -> bool:
    """Whether the SPDX expression can be met by licences of `allow`: AND binds tighter than OR, `/` is an old OR."""
    words = re.findall(r"[()]|[^\s()/]+", expression.replace("/", " OR "))

    def alternatives() -> bool:
        met = conjunction()
        while words and words[0] == "OR":
            words.pop(0)
            met = conjunction() or met
        return met

    def conjunction() -> bool:
        met = term()
        while words and words[0] == "AND":
            words.pop(0)
            met = term() and met
        return met

    def term() -> bool:
        word = words.pop(0)
        if word == "(":
            met = alternatives()
            if words.pop(0) != ")":
                raise ValueError("unbalanced parentheses")
            return met
        if word in {")", "AND", "OR", "WITH"}:
            raise ValueError(f"unexpected {word}")
        if words and words[0] == "WITH":
            words.pop(0)
            word = f"{word} WITH {words.pop(0)}"
        return word in allow

    try:
        met = alternatives()
    except (IndexError, ValueError):
        return False
    return met and not words


def refusals(rules: dict, packages: list[dict]) -> list[str]:
    bans = {ban["crate"]: ban["reason"] for ban in rules["bans"]["deny"]}
    allow = set(rules["licenses"]["allow"])
    registries = {f"registry+{registry}" for registry in rules["sources"]["allow-registry"]}
    repositories = {f"git+{repository}" for repository in rules["sources"]["allow-git"]}
    found = []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        licence, source = package["license"], package["source"]
        if package["name"] in bans:
            found.append(f"banned   {name}: {bans[package['name']]}")
        if licence is None or not allowed(licence, allow):
            found.append(f"licence  {name}: {licence or 'none declared'}")
        if source is not None and source not in registries and re.split(r"[?#]", source)[0] not in repositories:
            found.append(f"source   {name}: {source}")
    return found


def main() -> int:
    rules = tomllib.loads(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "deny.toml").read_text())
    built = built_packages()
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", host()))
    packages = [package for package in metadata["packages"] if (package["name"], package["version"]) in built]
    if len(packages) < len(built):
        raise ValueError("cargo tree names packages that cargo metadata does not know")
    found = refusals(rules, packages)
    for line in found:
        print(line, file=sys.stderr)
    print(f"deny.toml: {len(packages)} packages, {len(found)} refused")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.CalledProcessError, KeyError, ValueError) as error:
        print(f"check-dependencies: {error!r}", file=sys.stderr)
        sys.exit(2)
