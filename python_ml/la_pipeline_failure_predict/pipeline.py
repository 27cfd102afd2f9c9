"""`la-pipes run`: every step from files to Power BI views, skipping what is up to date."""

import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from la_pipeline_failure_predict.dbt_manifest import project_digest
from la_pipeline_failure_predict.dbt_runner import Dbt, DbtFailed, DbtResult, NodeResult
from la_pipeline_failure_predict.deliveries import DeliveredFile
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.load import load_files
from la_pipeline_failure_predict.model.backtest import BacktestResult, backtest
from la_pipeline_failure_predict.model.backtest_config import read_config
from la_pipeline_failure_predict.model.data import GrainName
from la_pipeline_failure_predict.model.features import read_features
from la_pipeline_failure_predict.model.grains import GRAINS, MAINS, Grain
from la_pipeline_failure_predict.model.oracle import read_oracle
from la_pipeline_failure_predict.model.promote import grain_of, promote, promoted_run, withdraw
from la_pipeline_failure_predict.model.score import score, score_last_outcome
from la_pipeline_failure_predict.model.train import train
from la_pipeline_failure_predict.project import open_for_writing, open_warehouse
from la_pipeline_failure_predict.rejects import RejectLimit
from la_pipeline_failure_predict.report.dbt_lines import describe_finding
from la_pipeline_failure_predict.report.model_card import write_model_card
from la_pipeline_failure_predict.report.run_lines import (
    describe_promotion,
    describe_scoring,
    describe_training,
)
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.spatial.link import link
from la_pipeline_failure_predict.step_inputs import StepInputs, combine, digest_loads
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.faults import LOCK_TIMEOUT

# dbt rebuilds when one of these changes.
PROJECT_FILES = ("models", "macros", "seeds", "dbt_project.yml")
# All is linked again when one of these changes.
LINK_FILES = ("spatial/link.py", "spatial/geometry.py", "vintages.py")
# What depends on what was loaded: tables with their tests, and the sums of all; views and seeds
# depend on the code alone.
TABLES = "config.materialized:table"
SUMS = "path:tests/integrity"
READS_SCORES = "source:ml+"
# They prove the code, not the rows: `dbt build`, `la-pipes build` and CI run them.
UNIT_TESTS = "resource_type:unit_test"
# The manifest is written when it is parsed; writing it again, with the results, takes a second.
NO_ARTIFACTS = "--no-write-json"
PROMOTIONS = "select grain, run_id, cast(promoted_at as text) from ml.promotions order by 1, 3"
TOLD_ROWS = 10


class Reporter(Protocol):
    """Where the steps say what they do."""

    def say(self, message: str) -> None:
        """Report one line."""

    def advance(self, done: int, total: int, what: str) -> None:
        """Report progress within a step."""


@dataclass(frozen=True)
class StepTime:
    """How long a step took, seconds."""

    step: str
    seconds: float


class Pipeline:
    """The steps of a run on one target."""

    def __init__(self, settings: Settings, reporter: Reporter, dbt: Dbt | None = None) -> None:
        """Start from a dbt that may be parsing already."""
        self.settings = settings
        self.reporter = reporter
        self.times: list[StepTime] = []
        self._running_dbt = dbt or Dbt(settings)

    def run(
        self,
        files: Sequence[DeliveredFile],
        force: bool = False,
        max_rejects: RejectLimit | None = None,
    ) -> None:
        """Load, link, build, train, score and publish, in that order."""
        with self._running_dbt:
            with self._timed("load"):
                self.load(files, max_rejects)
            with self._timed("link"):
                self._unless_done("link", self._link_inputs, self.link, force)
            with self._timed("build"):
                self._unless_done("build", self._build_inputs, self.build_features, force)
            with self._timed("train"):
                self.train()
            with self._timed("score"):
                is_lost = self._has_lost_scores()
                self._unless_done(
                    "score", self._score_inputs, lambda changed: self.score(), force or is_lost
                )
            with self._timed("publish"):
                self._unless_done("publish", self._publish_inputs, self.publish, force)

    def load(self, files: Sequence[DeliveredFile], max_rejects: RejectLimit | None = None) -> None:
        """Load files; those loaded before are skipped."""
        with open_for_writing(self.settings) as warehouse:
            for file in files:
                for loaded in load_files(
                    warehouse, file.source, [file.path], file.mapping, max_rejects, file.vintage
                ):
                    self.reporter.say(loaded.summary)
            if not warehouse.scalar("select count(*) from raw.loads"):
                raise UserError(
                    f"Nothing is loaded into the {warehouse.label} yet: run la-pipes load, or name "
                    "a delivery file with --delivery."
                )

    def link(self, changed: Set[str] | None = None) -> None:
        """Find areas, soils and mains of what was loaded.

        Parameters
        ----------
        changed
            Landing tables whose loads changed since the step was last done; None does all of it.
        """
        with open_for_writing(self.settings) as warehouse:
            linked = link(warehouse, self.settings.link_distance_m, self._advance_by_text, changed)
        counts = ", ".join(f"{rows:,} {name}" for name, rows in linked.rows.items())
        self.reporter.say(f"linked {counts}")

    def build_features(self, changed: Set[str] | None = None) -> None:
        """Build and test what needs no score; `changed` is as in `link`.

        Models read the lists of loads and links, too, but of them only what belongs to the landing
        tables that they read.
        """
        select = [] if changed is None else [SUMS]
        select += [f"source:*.{name}+,{TABLES}" for name in sorted(changed or ())]
        chosen = ("--select", *select) if select else ()
        self._dbt("build", *chosen, "--exclude", READS_SCORES, UNIT_TESTS)

    def build(self, select: str | None = None) -> None:
        """Build and test all of the project, or a selection, as dbt build does.

        Until it has succeeded, the next `run` builds again, because a partial build is not up to
        date.
        """
        with open_for_writing(self.settings) as warehouse:
            done = warehouse.query(
                "select step_name, fingerprint, finished_at from raw.steps "
                "where step_name in ('build', 'publish')"
            )
            before = warehouse.relations()
            warehouse.execute("delete from raw.steps where step_name in ('build', 'publish')")
        with self._running_dbt:
            result = self._dbt("build", *(["--select", select] if select else []))
        with open_for_writing(self.settings) as warehouse:
            if lost := sorted((before - warehouse.relations()) | warehouse.broken_views()):
                self.reporter.say(
                    f"{', '.join(lost)}: cannot be read until la-pipes run builds them again, "
                    "because what they read has other columns now."
                )
                return
            with warehouse.transaction():
                warehouse.append(warehouse.table("steps"), done.to_reader())
        if not result.nodes:
            raise UserError(f"Nothing matches --select {select!r}: dbt ls shows what there is.")

    def promote(
        self,
        run_id: str | None,
        grains: Sequence[GrainName] = tuple(GRAINS),
        build: bool = False,
    ) -> None:
        """Make the risk marts read a run, or (None) withdraw the promotions of the grains."""
        with open_for_writing(self.settings) as warehouse:
            if run_id is not None:
                grain = GRAINS[grains[0]] if len(grains) == 1 else None
                promoted = [promote(warehouse, run_id, grain)]
            else:
                promoted = [withdraw(warehouse, GRAINS[name]) for name in grains]
        for item in promoted:
            self.reporter.say(describe_promotion(item))
        if build:
            with self._running_dbt:
                self._unless_done("publish", self._publish_inputs, self.publish, force=False)

    def publish(self, changed: Set[str] | None = None) -> None:
        """Build and test what reads the scores: risk and the Power BI views.

        `changed` is as in `link`; all scores count as changed.
        """
        select = [READS_SCORES]
        if changed is not None:
            select = [f"{READS_SCORES},{part}" for part in (TABLES, SUMS)]
        self._dbt("build", "--select", *select, "--exclude", UNIT_TESTS)

    def train(
        self,
        grains: Sequence[GrainName] = tuple(GRAINS),
        as_of: date | None = None,
        seed: int = 1,
        model: str | None = None,
    ) -> None:
        """Train the models of the grains and write the card of each run.

        A grain without a known outcome is skipped.
        """
        with open_for_writing(self.settings) as warehouse:
            for grain in self._trainable(warehouse, grains):
                run = train(
                    warehouse,
                    read_features(self.settings.root, grain),
                    model=model,
                    as_of=as_of,
                    seed=seed,
                    progress=self._advance_by_text,
                    folder=self._artifacts,
                )
                # Also for a run that exists, because its card then includes a newer backtest.
                card = write_model_card(
                    warehouse, grain, run.run_id, self._artifacts / "model_cards"
                )
                self.reporter.say(describe_training(run, card))

    def score(
        self,
        grains: Sequence[GrainName] = tuple(GRAINS),
        as_of: date | None = None,
        run_id: str | None = None,
    ) -> None:
        """Score with the given run, else the promoted, else the seed's, else the newest."""
        with open_for_writing(self.settings) as warehouse:
            if run_id and len(grains) > 1:
                grains = [grain_of(warehouse, run_id).name]
            for grain in self._trainable(warehouse, grains):
                run = score(
                    warehouse,
                    grain,
                    run_id=run_id
                    or promoted_run(warehouse, grain)
                    or self._seeded_run(warehouse, grain),
                    as_of=as_of,
                    progress=self._advance_by_text,
                    folder=self._artifacts,
                )
                self.reporter.say(describe_scoring(run))
                if grain is MAINS and as_of is None:
                    past = score_last_outcome(
                        warehouse,
                        run.run_id,
                        progress=self._advance_by_text,
                        folder=self._artifacts,
                    )
                    if past:
                        self.reporter.say(f"{describe_scoring(past)}, to compare with the outcome")

    def backtest(
        self,
        grains: Sequence[GrainName] = tuple(GRAINS),
        config: Path | None = None,
        final: bool = False,
        truth: Path | None = None,
    ) -> list[BacktestResult]:
        """Judge the candidates of the grains on rolling origins.

        `truth` is a file with the true hazard of a synthetic network's mains.
        """
        oracle = read_oracle(truth) if truth else None
        configured = {
            name: read_config(self.settings.root, GRAINS[name], config) for name in grains
        }
        with open_for_writing(self.settings) as warehouse:
            return [
                backtest(
                    warehouse,
                    read_features(self.settings.root, grain),
                    configured[grain.name],
                    final=final,
                    truth=oracle if grain is MAINS else None,
                    progress=self.reporter.advance,
                )
                for grain in self._trainable(warehouse, grains)
            ]

    @property
    def _artifacts(self) -> Path:
        """Folder of the models that are not tables, and of the cards of all."""
        return self.settings.root / "artifacts"

    def _trainable(self, warehouse: Warehouse, names: Sequence[GrainName]) -> list[Grain]:
        """Return the grains with a known outcome; all of them when none has, to be refused."""
        grains = [GRAINS[name] for name in names]
        if not all(warehouse.has_table(item.mart.schema, item.mart.name) for item in grains):
            return grains
        known: list[Grain] = []
        for grain in grains:
            mart = grain.mart
            if warehouse.scalar(f"select count(*) from {mart.full_name} where is_label_complete"):
                known.append(grain)
            elif len(grains) > 1:
                place = f"{mart.schema}.{mart.name}"
                self.reporter.say(f"{grain}: nothing to do, {place} has no known outcome")
        return known or grains

    def _seeded_run(self, warehouse: Warehouse, grain: Grain) -> str | None:
        if not warehouse.has_table("seeds", "published_model_runs"):
            return None
        found = warehouse.scalar(
            "select run_id from seeds.published_model_runs where grain = $1", (grain.name,)
        )
        return None if found is None else str(found)

    def _has_lost_scores(self) -> bool:
        """Whether there are runs of a grain and no scores, as after its table was emptied."""
        with open_warehouse(self.settings) as warehouse:
            runs = warehouse.query("select distinct grain from ml.model_runs")
            return any(
                not warehouse.scalar(
                    f"select count(*) from {warehouse.full_name(GRAINS[name].score_table)}"
                )
                for name in runs.column("grain").to_pylist()
                if name in GRAINS
            )

    def _dbt(self, *arguments: str) -> DbtResult:
        try:
            self._running_dbt.parse_ahead()
            result = self._running_dbt.run((*arguments, NO_ARTIFACTS), self.reporter.advance)
        except DbtFailed as failed:
            self._tell([node for node in failed.broken if node.status == "fail"])
            raise
        except UserError as error:
            if LOCK_TIMEOUT in str(error):
                with open_warehouse(self.settings) as warehouse:
                    raise UserError(warehouse.name_blocker() or str(error)) from error
            raise
        count = len(result.warned)
        warned = f", {count} {'warning' if count == 1 else 'warnings'}" if count else ""
        self.reporter.say(f"dbt {' '.join(arguments)}: {result.passed} passed{warned}")
        self._tell(result.warned)
        return result

    def _tell(self, nodes: Sequence[NodeResult]) -> None:
        """Report what tests have found, with the first rows of those that keep them."""
        if not nodes:
            return
        with open_warehouse(self.settings) as warehouse:
            for node in nodes:
                rows = (
                    warehouse.query(f"select * from {node.kept_in} limit {TOLD_ROWS}").to_pylist()
                    if node.kept_in
                    else []
                )
                for line in describe_finding(node, rows):
                    self.reporter.say(f"  {line}")

    def _unless_done(
        self,
        step: str,
        read_inputs: Callable[[], StepInputs],
        work: Callable[[Set[str] | None], None],
        force: bool,
    ) -> None:
        """Do the work unless it was done on the same inputs, and record that it was done.

        The work is given the landing tables that changed since it last ended well; None to do all.
        """
        inputs = read_inputs()
        fingerprint = inputs.model_dump_json()
        with open_for_writing(self.settings) as warehouse:
            done = warehouse.scalar(
                "select fingerprint from raw.steps where step_name = $1", (step,)
            )
            if done != fingerprint or force:
                # Not recorded as done until it has ended, whatever interrupts it.
                warehouse.execute("delete from raw.steps where step_name = $1", (step,))
        if done == fingerprint and not force:
            self.reporter.say(f"{step}: up to date")
            return
        last = None if force or done is None else StepInputs.parse(str(done))
        work(inputs.changed_since(last))
        row = {
            "step_name": step,
            "fingerprint": fingerprint,
            "finished_at": datetime.now(UTC).replace(tzinfo=None),
        }
        with open_for_writing(self.settings) as warehouse, warehouse.transaction():
            warehouse.execute("delete from raw.steps where step_name = $1", (step,))
            warehouse.append(warehouse.table("steps"), pa.Table.from_pylist([row]).to_reader())

    def _link_inputs(self) -> StepInputs:
        return self._inputs(project_digest(Path(__file__).parent, LINK_FILES))

    def _build_inputs(self, *rows: str) -> StepInputs:
        return self._inputs(project_digest(self.settings.root, PROJECT_FILES), *rows)

    def _score_inputs(self) -> StepInputs:
        return self._build_inputs(
            "select run_id, cast(trained_until as text) from ml.model_runs order by 1, 2",
            PROMOTIONS,
        )

    def _publish_inputs(self) -> StepInputs:
        return self._build_inputs(
            "select run_id, cast(max(scored_at) as text) from ml.pipe_scores group by 1 union all "
            "select run_id, cast(max(scored_at) as text) from ml.area_month_scores group by 1 "
            "order by 1",
            PROMOTIONS,
        )

    def _inputs(self, code: str, *rows: str) -> StepInputs:
        """Return what a step works on; `rows` are queries of what it reads besides the loads."""
        with open_warehouse(self.settings) as warehouse:
            return StepInputs(
                code=combine(code, str(self.settings.link_distance_m)),
                loads=digest_loads(warehouse),
                rows=combine(*(str(warehouse.query(sql).to_pylist()) for sql in rows)),
            )

    def _advance_by_text(self, message: str) -> None:
        self.reporter.advance(0, 0, message)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.times.append(StepTime(step, time.perf_counter() - start))
