"""One run per results folder, and the system frees the lock however the run ends."""

import signal
import subprocess
import sys

import pytest

from pipeline.errors import BadInput
from pipeline.lock import acquire

HOLD = """
import sys
from pathlib import Path
from pipeline.errors import BadInput
from pipeline.lock import acquire
try:
    handle = acquire(Path(sys.argv[1]))
except BadInput as error:
    sys.exit(f"{error.exit_code} {error}")
print("held", flush=True)
sys.stdin.read()
"""


def start(folder):
    """Start a process that takes the lock and holds it until its input ends."""
    return subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of a folder."""
    process = start(tmp_path / "mine")
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_while_the_first_works(holder, tmp_path):
    with pytest.raises(BadInput, match="another run is working in it") as caught:
        acquire(tmp_path / "mine")
    assert str(tmp_path / "mine") in str(caught.value)
    assert "--config results=DIR" in str(caught.value)
    other = start(tmp_path / "mine")
    _, message = other.communicate()
    assert message.startswith("2 ")
    assert "another run is working in it" in message


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_lock_is_free_after_the_process_is_killed(holder, tmp_path, how):
    holder.send_signal(how)
    holder.wait()
    acquire(tmp_path / "mine").close()


def test_the_lock_is_free_after_the_process_ends(holder, tmp_path):
    holder.communicate("")
    assert holder.returncode == 0
    acquire(tmp_path / "mine").close()


def test_other_folders_are_free(holder, tmp_path):
    acquire(tmp_path / "other").close()
    acquire(tmp_path).close()


def test_within_one_process_too_and_closing_frees(tmp_path):
    first = acquire(tmp_path)
    with pytest.raises(BadInput):
        acquire(tmp_path)
    first.close()
    acquire(tmp_path).close()


def test_the_folder_is_made_and_a_lock_file_left_behind_does_not_lock(tmp_path):
    acquire(tmp_path / "results" / "mine").close()
    assert [p.name for p in (tmp_path / "results" / "mine").iterdir()] == [".lock"]
    acquire(tmp_path / "results" / "mine").close()


def test_children_of_a_run_do_not_keep_its_lock(tmp_path):
    command = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]
    with acquire(tmp_path):
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False)
        assert child.stdout.readline() == b"up\n"
    acquire(tmp_path).close()
    child.communicate(b"")


@pytest.mark.parametrize("name", ["file", "file/mine"])
def test_a_file_in_place_of_the_folder_is_bad_input(tmp_path, name):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="a folder that can be written"):
        acquire(tmp_path / name)
