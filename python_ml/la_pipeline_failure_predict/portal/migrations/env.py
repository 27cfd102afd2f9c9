"""Run by Alembic: migrate over the connection of `auth.database`."""

from alembic import context

from la_pipeline_failure_predict.portal.auth.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
