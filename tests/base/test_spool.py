"""Batches on disk: whole or not there, in order, and what happens where no room is left."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ispcore.base import spool as spools
from ispcore.base.spool import Depth, Dropped, InUse, Spool
from tests.harness.gate import PROJECT

ROOM = 10**6


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path, most_octets=ROOM)
    yield made
    made.close()


def again(spool: Spool, directory: Path, *, most_octets: int = ROOM) -> Spool:
    """What the next process finds."""
    spool.close()
    return Spool(directory, most_octets=most_octets)


def content(spool: Spool) -> list[list[bytes]]:
    return [list(spool.lines(name)) for name in spool.names()]


def test_batches_come_back_in_order_also_in_the_next_process(spool: Spool, tmp_path: Path) -> None:
    for number in range(12):
        spool.put([b"%d" % number, b'{"rows":[1,2]} \xff'])
    assert content(spool) == [[b"%d" % n, b'{"rows":[1,2]} \xff'] for n in range(12)]
    later = again(spool, tmp_path)
    assert content(later) == content(spool)
    later.put([b"12"])
    assert content(later)[-1] == [b"12"]
    later.close()


def test_what_is_delivered_is_forgotten(spool: Spool, tmp_path: Path) -> None:
    first, second = spool.put([b"1"]), spool.put([b"2"])
    spool.delivered(first)
    assert spool.names() == [second]
    later = again(spool, tmp_path)
    assert content(later) == [[b"2"]]
    later.delivered(second)
    assert later.depth == Depth()
    later.close()


def test_numbers_go_on_where_nothing_is_left(spool: Spool, tmp_path: Path) -> None:
    """A batch put in after a restart sorts behind what waits, whatever the clock says."""
    for _ in range(3):
        spool.put([b"x"])
    for name in spool.names()[:2]:
        spool.delivered(name)
    later = again(spool, tmp_path)
    later.put([b"y"])
    assert content(later) == [[b"x"], [b"y"]]
    later.close()


def test_depth_tells_batches_octets_and_age(spool: Spool) -> None:
    before = time.time()
    spool.put([b"abc"])
    spool.put([b"abc", b"def"])
    depth = spool.depth
    assert (depth.batches, depth.octets) == (2, 3 * (9 + 3 + 1))
    assert depth.oldest_at_s is not None
    assert before - 0.01 <= depth.oldest_at_s <= time.time()
    assert depth.age_s(before + 60) == pytest.approx(60, abs=1)


def test_a_spool_has_one_process(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(InUse):
        Spool(tmp_path, most_octets=ROOM)


def test_only_its_owner_may_read_it(spool: Spool, tmp_path: Path) -> None:
    name = spool.put([b"x"])
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_never_finished_counts_for_nothing(spool: Spool, tmp_path: Path) -> None:
    spool.put([b"whole"])
    torn = tmp_path / "000000000009-0000000000001.batch.part"
    torn.write_bytes(b"0000")
    later = again(spool, tmp_path)
    assert content(later) == [[b"whole"]]
    assert not torn.exists()
    later.close()


@pytest.mark.parametrize("keep", [0, 1, 8, 9, 10, 20, 30])
def test_of_a_torn_batch_the_whole_lines_are_delivered(
    spool: Spool, tmp_path: Path, keep: int
) -> None:
    name = spool.put([b"one", b"two", b"three"])
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:keep])
    lines = list(spool.lines(name))
    assert lines == [b"one", b"two", b"three"][: len(lines)]
    assert len(lines) == whole[:keep].count(b"\n")


def test_a_line_that_rotted_is_left_out_and_counted(spool: Spool, tmp_path: Path) -> None:
    name = spool.put([b"one", b"two", b"three"])
    path = tmp_path / name
    path.write_bytes(path.read_bytes().replace(b"two", b"twp"))
    assert list(spool.lines(name)) == [b"one", b"three"]
    assert spool.damaged == 1


def test_a_full_spool_keeps_the_oldest_and_what_fits_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "MOST_IN_MEMORY_OCTETS", 60)
    spool = Spool(tmp_path, most_octets=60)
    kept = [spool.put([b"x" * 20]) for _ in range(4)]
    with pytest.raises(Dropped):
        spool.put([b"y" * 20])
    assert spool.dropped == 1
    assert spool.names() == kept
    assert len(list(tmp_path.glob("*.batch"))) == 2
    for name in kept[:2]:
        spool.delivered(name)
    spool.put([b"z" * 20])
    assert [lines[0][:1] for lines in content(spool)] == [b"x", b"x", b"z"]
    spool.close()


def test_a_full_disk_is_told_and_the_batch_waits_in_memory(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The kernel refuses to write more than 4 kB into a file, as a full disk refuses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
    try:
        name = spool.put([b"x" * 8_000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "a batch waits in memory" in caplog.text
    assert not list(tmp_path.glob("*.batch*"))
    assert list(spool.lines(name)) == [b"x" * 8_000]
    spool.delivered(name)
    assert spool.names() == []


def test_a_refused_batch_is_put_aside_and_some_are_kept(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "MOST_REFUSED", 2)
    for _ in range(3):
        spool.refuse(spool.put([b"poison"]))
    assert spool.names() == []
    assert spool.refused == 3
    assert len(list(tmp_path.glob("*.refused"))) == 2


WRITER = """
import sys
from pathlib import Path
from ispcore.base.spool import Spool
spool = Spool(Path(sys.argv[1]), most_octets=10**9)
for number in range(10**6):
    spool.put([b"%d" % number] * 200)
    print(number, flush=True)
"""


def test_a_writer_that_is_killed_loses_nothing_that_it_had_put(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=PROJECT
    )
    assert writer.stdout is not None
    said = b""
    while said.count(b"\n") < 25:
        said += os.read(writer.stdout.fileno(), 4_096)
    writer.kill()
    said += writer.stdout.read()
    assert writer.wait() == -signal.SIGKILL
    writer.stdout.close()
    last = int(said.splitlines()[-1])
    spool = Spool(tmp_path, most_octets=10**9)
    found = content(spool)
    assert len(found) in {last + 1, last + 2}  # one more may have been put and not yet told
    assert found == [[b"%d" % n] * 200 for n in range(len(found))]
    assert spool.damaged == 0
    spool.close()
