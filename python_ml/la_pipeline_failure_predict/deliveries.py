"""A delivery file: which files to load as which sources, in order."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.sources.archives import file_inside
from la_pipeline_failure_predict.sources.providers import find_source
from la_pipeline_failure_predict.yaml_files import explain_invalid, read_written


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str
    file: str
    mapping: str | None = None


class _DeliveryFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    deliveries: list[_Entry] = Field(min_length=1)


@dataclass(frozen=True)
class DeliveredFile:
    """One file to load."""

    source: str
    path: Path
    mapping: Path | None


def read_deliveries(path: Path, data_dir: Path | None = None) -> list[DeliveredFile]:
    """Read a delivery file.

    Parameters
    ----------
    data_dir
        Folder the files lie in; the delivery file's own folder by default. Mappings are always
        found beside the delivery file.

    Raises
    ------
    UserError
        If the file is missing or malformed, names an unknown source or a file that is not there.
    """
    if not path.is_file():
        raise UserError(f"No delivery file {path}: check the path given to --delivery.")
    written = read_written(path, "Delivery file")
    try:
        content = _DeliveryFile.model_validate(written)
    except ValidationError as error:
        raise UserError(f"{path}, {explain_invalid(error, _DeliveryFile)}.") from None
    files = []
    for entry in content.deliveries:
        find_source(entry.source)
        mapping = path.parent / entry.mapping if entry.mapping else None
        delivered = file_inside(data_dir or path.parent, entry.file, path)
        files.append(DeliveredFile(entry.source, delivered, mapping))
    for file in files:
        if not file.path.exists():
            raise UserError(f"{path} names {file.path}, which does not exist: check --data-dir.")
    return files
