"""The README's programs run, and the file is what Python 3.9 reads."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

from . import support
import doorlog

ROOT = support.HERE.parent


class Readme(support.StoreCase):
    def test_its_programs_run(self) -> None:
        with open(os.path.join(self.folder, "some.png"), "wb") as file:
            file.write(support.picture())
        programs = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
        self.assertEqual(len(programs), 3)
        for program in programs:
            done = subprocess.run(
                [sys.executable, "-c", program], cwd=self.folder, capture_output=True, text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout)
        self.assertEqual(self.client.count(), 3)

    def test_it_names_what_there_is(self) -> None:
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        for name in re.findall(r"\b(?:client|Client)\.(\w+)\(", text):
            self.assertTrue(hasattr(doorlog.Client, name), name)
        for name in re.findall(r"`(?:store\.)?((?:get|add|delete|save|write)_\w+)", text):
            self.assertTrue(hasattr(doorlog.EventStore, name) or hasattr(doorlog.Client, name), name)


class Source(unittest.TestCase):
    def test_python_3_9_reads_it(self) -> None:
        ast.parse((ROOT / "doorlog.py").read_text(encoding="utf-8"), feature_version=(3, 9))

    def test_it_needs_the_standard_library_alone(self) -> None:
        tree = ast.parse((ROOT / "doorlog.py").read_text(encoding="utf-8"))
        modules = {name.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        modules |= {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        later = {"tomllib"}  # than Python 3.9
        names = getattr(sys, "stdlib_module_names", modules)
        self.assertEqual(modules - set(names) | modules & later, set())

    def test_it_has_every_address_of_the_api(self) -> None:
        source = (ROOT / "doorlog.py").read_text(encoding="utf-8")
        known = {re.sub(r"\{[^}]*\}", "{}", path) for path in re.findall(r'"(/v1/[^"]*)"', source)}
        known |= {"/v1/" + name for name in re.findall(r'self\._counts\("(\w+)"', source)}
        known |= {"/v1/openapi.yaml", "/v1/login", "/v1/logout"}  # which a program has no use for
        routes = "".join(path.read_text(encoding="utf-8") for path in (ROOT.parents[1] / "web").glob("*.go"))
        served = {re.sub(r"\{[^}]*\}", "{}", path) for path in re.findall(r'\{http\.Method\w+, "(/v1/[^"]*)"', routes)}
        self.assertTrue(served)
        self.assertEqual(served - known, set())

    def test_everything_public_is_documented(self) -> None:
        tree = ast.parse((ROOT / "doorlog.py").read_text(encoding="utf-8"))
        self.assertIsNotNone(ast.get_docstring(tree))
        for name in doorlog.__all__:
            self.assertTrue(hasattr(doorlog, name), name)
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                for method in (node, *node.body):
                    if isinstance(method, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not method.name.startswith("_"):
                        self.assertIsNotNone(ast.get_docstring(method), f"{node.name}.{method.name}")

    def test_functions_are_short(self) -> None:
        for path in (ROOT / "doorlog.py", *support.HERE.glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    self.assertLess((node.end_lineno or 0) - node.lineno, 70, f"{path.name}: {node.name}")

    def test_types(self) -> None:
        mypy = shutil.which("mypy")
        if mypy is None:
            self.skipTest("there is no mypy")
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run([mypy, "--cache-dir", cache, "doorlog.py", "tests"], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_it_is_a_package(self) -> None:
        try:
            version = importlib.metadata.version("setuptools")
        except importlib.metadata.PackageNotFoundError:
            version = "0"
        if int(version.partition(".")[0]) < 61:
            self.skipTest("there is no setuptools of version 61 or later")
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "python")
            shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns("tests", ".mypy_cache", "__pycache__"))
            build = "from setuptools import build_meta; build_meta.build_sdist('out')"
            done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            name = f"doorlog-{doorlog.__version__}"
            with tarfile.open(os.path.join(source, "out", name + ".tar.gz")) as archive:
                names = archive.getnames()
                about = archive.extractfile(f"{name}/PKG-INFO")
                assert about is not None
                self.assertIn("Requires-Python: >=3.9", about.read().decode())
            self.assertIn(f"{name}/doorlog.py", names)
