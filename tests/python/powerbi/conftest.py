"""What the tests of Power BI share: dbt's manifest of the project, and the design it declares."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cities import ROOT, City
from la_pipeline_failure_predict.powerbi.build import Design, read_design


@pytest.fixture(scope="session")
def manifest(make_city: Callable[[str], City], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The manifest of the project as it is, parsed by dbt; change a copy only."""
    city, folder = make_city("duckdb"), tmp_path_factory.mktemp("manifest")
    subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "--quiet", "parse", "--target-path", str(folder)],
        cwd=ROOT,
        env=os.environ | city.environment,
        check=True,
        capture_output=True,
    )
    return json.loads((folder / "manifest.json").read_text())


@pytest.fixture
def changed_manifest(manifest: Any) -> Any:
    """A copy of the manifest, to change."""
    return copy.deepcopy(manifest)


@pytest.fixture(scope="session")
def design(manifest: Any) -> Design:
    """The model and reports that the project declares."""
    return read_design(manifest)
