#!/usr/bin/env python3
"""The JSON Schema accepts what kpwatchd accepts and rejects plain errors.

usage: check_schema.py SOURCE_DIR
Exit 77 (skipped) without python3-jsonschema and python3-yaml.
"""
import glob
import json
import os
import sys

try:
    import jsonschema
    import yaml
except ImportError:
    print("python3-jsonschema and python3-yaml are needed: skipped")
    sys.exit(77)

# Errors of shape and value, which a schema can see, by their planted file.
REJECTED = [
    "unknown-root", "unknown-target-key", "missing-version", "missing-vantage-name",
    "missing-port", "missing-qname", "missing-target-address", "duration-no-unit",
    "jitter-no-unit", "rate-per-hour", "port-zero", "port-high", "size-small", "type-far",
    "qtype-lower", "transport", "recursion", "icmp-port", "tcp-size", "dns-size", "name-space",
    "country-lower", "contact-unicode", "listen-no-port", "false-alarms-bare", "empty-allow",
    "empty-targets", "ref-twice", "shape-allow", "shape-target-probes", "version-two",
    "burst-quoted", "bool-quoted", "max-hops", "trace-probe",
]


def load(path):
    with open(path, encoding="utf-8") as f:
        return yaml.safe_load(f)


def main(source):
    with open(os.path.join(source, "conf/kpwatchd.schema.json"), encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failures = 0
    good = [os.path.join(source, "conf/kpwatchd.yaml")]
    good += sorted(glob.glob(os.path.join(source, "tests/conf/good/*.yaml")))
    for path in good:
        for error in validator.iter_errors(load(path)):
            print(f"{path}: wrongly rejected: {error.json_path}: {error.message}")
            failures += 1
    tried = 0
    for name in REJECTED:
        path = os.path.join(source, "tests/conf/errors", name + ".yaml")
        if not os.path.exists(path):
            print(f"{path}: no such planted error")
            failures += 1
        elif validator.is_valid(load(path)):
            print(f"{path}: wrongly accepted")
            failures += 1
        tried += 1
    print(f"{len(good)} good files, {tried} planted errors, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
