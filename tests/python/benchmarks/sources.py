"""How fast a layer is fetched from loopback, and a long record of weather is loaded.

Run alone as ``python tests/python/benchmarks/sources.py LAYER_FEATURES``, it is the server.
"""

import calendar
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from remote.layer import PATH, Layer
from remote.portal import Parameters, Portal

SERVER_PAGE = 2_000
ELEMENTS = ("TMAX", "TMIN", "PRCP", "SNOW", "SNWD", "TOBS")
FIRST_YEAR, LAST_YEAR = 1915, 2024


@contextmanager
def layer_served(features: int) -> Iterator[str]:
    """Serve a layer of so many mains from a process of its own; yields its address."""
    command = (sys.executable, __file__, str(features))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.kill()


def write_station(path: Path) -> int:
    """Write a station's daily record of 110 years as GHCN does; returns its lines."""
    lines = [
        f"USW00093134{year}{month:02}{element}" + "".join(_values(year, month))
        for year in range(FIRST_YEAR, LAST_YEAR + 1)
        for month in range(1, 13)
        for element in ELEMENTS
    ]
    path.write_text("\n".join(lines) + "\n")
    return len(lines)


def _values(year: int, month: int) -> Iterator[str]:
    days = calendar.monthrange(year, month)[1]
    for day in range(1, 32):
        yield f"{day * 7 % 300:5}  6" if day <= days else "-9999   "


def _serve(features: int) -> None:
    portal = Portal()
    layer = Layer(portal, count=1, page=SERVER_PAGE)
    # Texts that are made beforehand: it is the client that is measured.
    first = json.dumps(layer.feature(1)).replace('"OBJECTID": 1,', '"OBJECTID": %d,')
    ids = json.dumps({"objectIds": list(range(1, features + 1))}).encode()

    def query(parameters: Parameters) -> bytes:
        if parameters.get("returnIdsOnly"):
            return ids
        low, high = map(int, re.findall(r"[<>]= (\d+)", parameters["where"]))
        found = ",".join(first % number for number in range(low, high + 1))
        return f'{{"features": [{found}]}}'.encode()

    portal.answers[f"{PATH}/query"] = query
    print(layer.url, flush=True)
    time.sleep(3_600)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
