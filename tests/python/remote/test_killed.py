"""kill -9 at any moment of a download: the next one goes on, to the same bytes."""

import multiprocessing
import random
import time
from multiprocessing.context import ForkProcess
from pathlib import Path

from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.arcgis import ArcGISLayer
from la_pipeline_failure_predict.sources.remote.download import download
from la_pipeline_failure_predict.sources.remote.manifest import is_whole, read_manifest
from remote.layer import Layer
from remote.portal import Portal

KILLS = 20
PAGES = 150


def test_killed_downloads_end_with_the_same_bytes(portal: Portal, tmp_path: Path) -> None:
    layer = Layer(portal, count=10 * PAGES)
    chance = random.Random(12)
    portal.delay_s = 0.01
    for _ in range(KILLS):
        wanted = len(portal.requests) + chance.randint(1, 7)
        process = _start(layer, tmp_path / "killed")
        while len(portal.requests) < wanted and process.is_alive():
            time.sleep(0.001)
        time.sleep(chance.random() * 0.02)
        assert process.is_alive()  # or this kills nothing
        process.kill()
        process.join()
        assert not list((tmp_path / "killed").glob("[0-9]*"))
    portal.delay_s = 0
    for name in ("killed", "whole"):
        process = _start(layer, tmp_path / name)
        process.join()
        assert process.exitcode == 0
        (folder,) = (tmp_path / name).glob("[0-9]*")
        manifest = read_manifest(folder)
        assert manifest is not None
        assert is_whole(folder, manifest)
    (killed,) = tmp_path.glob("killed/[0-9]*/features.csv")
    (whole,) = tmp_path.glob("whole/[0-9]*/features.csv")
    assert killed.read_bytes() == whole.read_bytes()
    assert whole.read_bytes().count(b"\n") == 10 * PAGES + 1
    assert not (tmp_path / "killed" / ".unfinished").exists()


def _start(layer: Layer, folder: Path) -> ForkProcess:
    """Start a download in a process of its own, which is there at once."""
    files = [ArcGISLayer(Settings(), layer.url)]
    process = multiprocessing.get_context("fork").Process(
        target=download, args=("mains", files, folder, lambda done, total, what: None)
    )
    process.start()
    return process
