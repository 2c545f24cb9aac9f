#!/usr/bin/env python3
"""The manuals say all there is, and nothing that is wrong: mandoc finds no fault, every
verb, option, key, event and field is named, and the examples work.
usage: manuals.py SOURCE_DIR KPWATCHD KPWATCHCTL"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, KPWATCHD, KPWATCHCTL = (os.path.abspath(path) for path in sys.argv[1:4])
PAGES = ("daemon/kpwatchd.8", "ctl/kpwatchctl.1", "conf/kpwatchd.yaml.5")


def run(*words, code=0):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{words}: {done.returncode} {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def source(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def page(path):
    """As people read it, without bold type and line breaks."""
    text = run("mandoc", "-T", "utf8", "-O", "width=900", os.path.join(SOURCE, path))
    return re.sub(r".\x08", "", text)


def words(text):
    return set(re.findall(r"[\w@][\w.@-]*\w|\w", text))


def keys(node, schema):
    """Every key of a JSON Schema."""
    if "$ref" in node:
        target = schema
        for part in node["$ref"].lstrip("#/").split("/"):
            target = target[part]
        node = {**target, **node}
    for key, value in node.get("properties", {}).items():
        yield key
        yield from keys(value, schema)
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            yield from keys(node[inner], schema)


class Manuals(unittest.TestCase):
    def test_mandoc(self):
        for path in PAGES:
            said = subprocess.run(["mandoc", "-T", "lint", os.path.join(SOURCE, path)],
                                  capture_output=True, text=True, check=False).stdout
            wrong = [line for line in said.splitlines()
                     if "referenced manual not found" not in line and "outdated" not in line]
            self.assertEqual(wrong, [])

    def test_verbs_and_options(self):
        text = page("ctl/kpwatchctl.1")
        known = words(text)
        listed = run(KPWATCHCTL, "help").split("Verbs:\n")[1].split("\n\n")[0]
        verbs = re.findall(r"(?m)^  ([a-z-]+)", listed)
        self.assertGreater(len(verbs), 15)
        for verb in verbs:
            self.assertTrue(re.search(rf"(?m)^     {verb}\b", text), verb)
            for option in re.findall(r"--[a-z-]+", run(KPWATCHCTL, "help", verb)):
                self.assertTrue(option in text, f"{verb} {option}")
        for option in re.findall(r"--[a-z-]+", run(KPWATCHCTL, "help")):
            self.assertTrue(option in text, option)
        for table in ("STATE", "RESULT", "VERDICT", "PHASE", "CONFIDENCE"):
            for word in self.vocabulary(table):
                self.assertIn(word, known, table)
        for letter in re.findall(r"(?m)^  -(\w+)", run(KPWATCHD, "-h")):
            self.assertIn(f"-{letter[0]}", page("daemon/kpwatchd.8"))

    def vocabulary(self, table):
        listing = re.search(rf"#define KP_{table}_LIST\(X\)(.*?)\n\n", source("lib/base/vocab.h"),
                            re.S)
        names = re.findall(r'X\(\w+, "([\w.-]+)"', listing[1])
        self.assertTrue(names, table)
        return names

    def test_configuration(self):
        schema = json.loads(source("conf/kpwatchd.schema.json"))
        known = words(page("conf/kpwatchd.yaml.5"))
        found = set(keys(schema, schema))
        self.assertGreater(len(found), 50)
        self.assertEqual(found - known, set())

    def test_defaults(self):
        """The table of defaults is what the daemon takes when nothing is said."""
        table = page("conf/kpwatchd.yaml.5").split("\nDEFAULTS\n")[1].split("\nFLOORS\n")[0]
        rows = dict(line.split() for line in table.splitlines() if line.strip())
        said = run(KPWATCHD, "-nv", "-c", os.path.join(SOURCE, "tests/conf/good/smallest.yaml"))
        flat = {}
        for section, body in re.findall(r"(?m)^([\w-]+): \{(.*)\}$", said):
            for item in re.split(r", ", body):
                key, _, value = item.partition(": ")
                flat[f"{section}.{key}"] = value
        for key, value in flat.items():
            if key == "vantage.name":
                continue
            wanted = {"1/3650d": "1/10y", "false": "off"}.get(value, value)
            self.assertEqual(rows.get(key), wanted, key)

    def test_events(self):
        text = page("daemon/kpwatchd.8")
        known = words(text)
        for action in self.vocabulary("ACTION"):
            self.assertIn(action, known)
        made = source("lib/telling/event_json.c")
        fields = re.findall(r'kp_obj_(?:text|time|json|count|real|bool|addr|null)'
                            r'\(&?\w+, "([@\w.]+)"', made)
        self.assertGreater(len(set(fields)), 25)
        parts = {part for word in known for part in word.split(".")}
        self.assertEqual(set(fields) - parts - {"kp"}, set())

    def test_metrics(self):
        known = words(page("daemon/kpwatchd.8"))
        made = re.findall(r'\{(K )?"([a-z_]+)", "(?:counter|gauge|histogram)"',
                          source("lib/telling/metrics.c"))
        self.assertGreater(len(made), 25)
        for ours, name in made:
            self.assertIn(("kpwatchd_" if ours else "") + name, known)

    def test_examples(self):
        examples = re.findall(r"\.Bd -literal -offset indent\n(.*?)\.Ed",
                              source("conf/kpwatchd.yaml.5"), re.S)
        self.assertEqual(len(examples), 2)
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        for number, example in enumerate(examples):
            path = os.path.join(directory, f"{number}.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(example)
            run(KPWATCHD, "-n", "-c", path)
            run(KPWATCHCTL, "check-config", path)
        for line in re.findall(r"(?m)^\.Dl [$#] kpwatchctl (.*)$", source("ctl/kpwatchctl.1")):
            # No daemon listens there; what is wrong in them would be said before that.
            if not line.startswith("check-config"):
                run(KPWATCHCTL, "-s", directory + "/none", *line.split(), code=3)


if shutil.which("mandoc") is None:
    print("SKIP: no mandoc")
    sys.exit(77)
unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=1)
