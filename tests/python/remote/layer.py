"""An ArcGIS feature layer, as servers answer for it."""

import re
from collections.abc import Iterable
from typing import Any

from remote.portal import Parameters, Portal

PATH = "/arcgis/rest/services/Water/FeatureServer/3"
EDITED = 1_700_000_000_000


class Layer:
    """Mains with a material code, a day and a shape."""

    def __init__(self, portal: Portal, count: int = 25, page: int = 10) -> None:
        self.ids = [2 * number + 1 for number in range(count)]
        self.page = page
        self.edited: int | None = EDITED
        self.material = "CI"
        self.error: dict[str, Any] | None = None
        self.fields: dict[str, Any] = {}
        portal.answers[PATH] = lambda parameters: self.error or self.about()
        portal.answers[f"{PATH}/query"] = lambda parameters: self.error or self.query(parameters)
        portal.answers[PATH.removesuffix("/3")] = lambda parameters: {
            "layers": [{"id": 0, "name": "Valves"}, {"id": 3, "name": "Mains"}],
            "tables": [],
        }
        self.url = portal.url + PATH

    def about(self) -> dict[str, Any]:
        materials = [{"code": "CI", "name": "Cast iron"}, {"code": "DI", "name": "Ductile iron"}]
        return {
            "type": "Feature Layer",
            "geometryType": "esriGeometryPolyline",
            "maxRecordCount": self.page,
            "copyrightText": "Open Government Licence",
            "editingInfo": {"lastEditDate": self.edited} if self.edited else None,
            "dateFieldsTimeReference": {"timeZone": "Pacific Standard Time"},
            "fields": [
                {"name": "OBJECTID", "type": "esriFieldTypeOID"},
                {"name": "MAINID", "type": "esriFieldTypeString"},
                {
                    "name": "MATERIAL",
                    "type": "esriFieldTypeString",
                    "domain": {"type": "codedValue", "codedValues": materials},
                },
                {"name": "INSTALLED", "type": "esriFieldTypeDate"},
                {"name": "DIAMETER", "type": "esriFieldTypeDouble"},
                {"name": "SHAPE", "type": "esriFieldTypeGeometry"},
            ],
            **self.fields,
        }

    def query(self, parameters: Parameters) -> dict[str, Any]:
        ids = list(self._matching(parameters["where"]))
        if parameters.get("returnIdsOnly") == "true":
            return {"objectIdFieldName": "OBJECTID", "objectIds": ids[::-1] or None}
        return {
            "exceededTransferLimit": len(ids) > self.page,
            "features": [self.feature(number) for number in ids[: self.page]],
        }

    def _matching(self, where: str) -> Iterable[int]:
        low = re.search(r"OBJECTID >= (\d+)", where)
        high = re.search(r"OBJECTID <= (\d+)", where)
        for number in self.ids:
            if (not low or number >= int(low[1])) and (not high or number <= int(high[1])):
                yield number

    def feature(self, number: int) -> dict[str, Any]:
        # 8:00 UTC of 1 January 1970 is midnight in Los Angeles.
        paths = [[[-118.25, 34.05], [-118.24, 34.06]]]
        return {
            "attributes": {
                "OBJECTID": number,
                "MAINID": f'M{number}, "north"' if number == 3 else f"M{number}",
                "MATERIAL": self.material,
                "INSTALLED": 8 * 3_600_000 + (number - 1) * 86_400_000,
                "DIAMETER": 152.4,
            },
            "geometry": {"paths": paths * 2 if number == 5 else paths},
        }

    def rows(self) -> list[str]:
        return [f"M{number}" for number in self.ids]
