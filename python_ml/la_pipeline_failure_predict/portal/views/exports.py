"""Downloads of what a page shows."""

import tempfile

import flask
from flask.typing import ResponseReturnValue

from la_pipeline_failure_predict.portal.auth.audit import record
from la_pipeline_failure_predict.portal.auth.models import db
from la_pipeline_failure_predict.portal.data.exports import (
    MEDIA_TYPES,
    WRITERS,
    Export,
    TooManyRowsError,
)
from la_pipeline_failure_predict.portal.data.reader import Reader


def send(source: Reader, export: Export, kind: str) -> ResponseReturnValue:
    """Send rows as a file that is whole, and record that they were."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    try:
        rows = WRITERS[kind](source, export, file)
    except TooManyRowsError:
        file.close()
        flask.abort(413)
    except BaseException:
        file.close()
        raise
    said = f"{export.name}.{kind}, {export.said}, {rows:,} rows"
    record("export", source.manifest.snapshot_id, said)
    db.session.commit()
    size = file.tell()
    file.seek(0)
    answer = flask.send_file(
        file,
        mimetype=MEDIA_TYPES[kind],
        as_attachment=True,
        download_name=f"{export.name}-{source.manifest.snapshot_id}.{kind}",
    )
    answer.content_length = size
    return answer
