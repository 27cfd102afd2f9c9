"""What a terminal shows, and what a log or the next command gets of the same."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cities import City
from la_pipeline_failure_predict.cli.screen import wrap
from terminals import COLOR, on_terminal

# A command that does what ours do: lines, counted and uncounted steps, a table, an error.
COMMAND = """
import time
import click
from la_pipeline_failure_predict.cli.screen import Column, Screen

@click.command()
def command():
    screen = Screen.current()
    screen.say("pipes: " + "20,000 rows in the file, " * 5 + "/a/path/" + "x" * 90)
    for done in range(1, 9):
        screen.advance(done, 9, f"model core.dim_pipes_{done}")
        time.sleep(0.1)
    screen.say("  WARN the median diameter")
    screen.text("finding the area of each main")
    columns = [Column("rank", is_number=True), Column("main", is_whole=True), Column("why")]
    screen.table(columns, [(1, "P 1", "cast iron of 1906; " * 6), (20, "P 20", "[red]; old")])
    screen.fail("there is no such main, and " + "so on " * 20)
    screen.close()

command()
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_terminal_shows_a_bar_with_rate_and_time_left() -> None:
    shown = on_terminal(python(COMMAND))
    assert shown.has_color
    assert "model core.dim_pipes_8" in shown.text
    assert re.search(r"8/9 +\d+\.\d/s \d:\d\d left", shown.text)
    assert "finding the area of each main" in shown.text
    assert shown.sent.count("\x1b[?25l") == shown.sent.count("\x1b[?25h")  # the cursor is back


def test_no_line_breaks_in_mid_word_at_80_columns() -> None:
    shown = on_terminal(python(COMMAND), columns=80)
    lines = [line.rpartition("\r")[2] for line in shown.text.splitlines()]
    assert [line for line in lines if len(line) > 80] == [f"  /a/path/{'x' * 90}"]
    whole = subprocess.run(python(COMMAND), capture_output=True, text=True, check=True)
    words = set((whole.stdout + whole.stderr).split())
    assert set(" ".join(line for line in lines if "━" not in line).split()) <= words | {
        "0:00:00",
        *["finding", "the", "area", "of", "each", "main"],
    }


def test_a_number_stays_with_its_percent() -> None:
    assert wrap("held 13 % (95 %: 6 to 21 %)", 27) == "held 13 % (95 %: 6 to\n  21 %)"


def test_no_color_is_obeyed() -> None:
    shown = on_terminal(python(COMMAND), environment={"NO_COLOR": "1"})
    assert not shown.has_color
    assert "8/9" in shown.text


@pytest.mark.parametrize("wish", ["COLUMNS", "FORCE_COLOR"])
def test_a_log_gets_whole_lines_and_nothing_else(wish: str) -> None:
    environment = {**os.environ, wish: "40"}
    result = subprocess.run(
        python(COMMAND), capture_output=True, text=True, check=True, env=environment
    )
    printed = result.stdout.splitlines()
    assert printed[0].startswith("pipes: ")
    assert printed[0].endswith("x" * 90)
    assert [line.split()[:2] for line in printed[1:]] == [
        ["WARN", "the"],
        ["rank", "main"],
        ["1", "P"],
        ["20", "P"],
    ]
    assert printed[-1].endswith("[red]; old")
    assert result.stderr.count("\n") == 1
    assert not COLOR.search(result.stdout + result.stderr)


def test_a_reader_who_has_had_enough_is_no_error(duckdb_city: City) -> None:
    command = (
        "from la_pipeline_failure_predict.cli import main; main(['doctor'], prog_name='la-pipes')"
    )
    with subprocess.Popen(
        python(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **duckdb_city.environment},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (("powerb",), {"powerbi"}),
        (("powerbi", "ex"), {"export"}),
        (("plan", "--b"), {"--budget", "--by"}),
        (("train", "--grain", ""), {"pipe", "area_month"}),
    ],
)
def test_the_shell_completes_commands_options_and_choices(
    tmp_path: Path, typed: tuple[str, ...], completed: set[str]
) -> None:
    program = tmp_path / "la-pipes"
    program.write_text(
        f"#!{sys.executable}\nfrom la_pipeline_failure_predict.cli import main\n"
        "main(prog_name='la-pipes')\n"
    )
    program.chmod(0o755)
    words = " ".join(f"'{word}'" for word in ("la-pipes", *typed))
    script = (
        'eval "$(_LA_PIPES_COMPLETE=bash_source la-pipes)"\n'
        f"COMP_WORDS=({words}) COMP_CWORD={len(typed)}\n"
        '_la_pipes_completion la-pipes; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    assert set(result.stdout.split()) == completed, result.stderr
