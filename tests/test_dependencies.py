"""Every package that the code imports is one that installing it brings along."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import ecg_byte_hf

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def distribution(name: str) -> str:
    return re.split(r"[^\w.-]", name)[0].lower().replace("_", "-")


def test_imported_packages_are_declared():
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {distribution(requirement) for one in lists for requirement in one}
    distributions = packages_distributions()
    undeclared = set()
    for path in sorted(Path(ecg_byte_hf.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            else:
                continue
            for module in {name.partition(".")[0] for name in modules} - sys.stdlib_module_names:
                brought_by = {distribution(name) for name in distributions.get(module, [module])}
                if not brought_by & declared:
                    undeclared.add((path.name, module))
    assert undeclared == set()
