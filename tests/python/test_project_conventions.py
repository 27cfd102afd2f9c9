"""The conventions of the dbt project, which .dbt-bouncer.yml lists, checked from its manifest."""

import os
import subprocess
import sys
from pathlib import Path

from cities import ROOT, City


def test_the_project_keeps_its_conventions(duckdb_city: City, tmp_path: Path) -> None:
    """A model without a test of its key, or a macro without a description, is named here."""
    tools = Path(sys.executable).parent
    parse = [tools / "dbt", "parse", "--quiet", "--target-path", tmp_path / "target"]
    environment = os.environ | duckdb_city.environment
    subprocess.run(parse, env=environment, cwd=ROOT, check=True)
    check = [tools / "dbt-bouncer", "run", "--config-file", ROOT / ".dbt-bouncer.yml"]
    environment |= {"DBT_PROJECT_DIR": str(tmp_path), "COLUMNS": "200"}
    result = subprocess.run(check, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
