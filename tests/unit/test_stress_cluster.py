"""Stress tests in parallel."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from distributed import LocalCluster

from prep.errors import UserError
from prep.stress import cluster
from prep.stress.cluster import runner
from tests.unit.stress import job


def by_number(outcomes):
    return sorted(outcomes, key=lambda outcome: outcome.number)


def test_runner__two_processes__give_what_one_gives_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "SCRATCH", tmp_path)
    jobs = [job(number=number, hours=6) for number in range(12)]

    with runner(1) as run:
        expected = list(run(jobs))
    with runner(2) as run:
        lives = [path.name for path in tmp_path.iterdir()]
        found = by_number(run(iter(jobs)))

    assert [outcome.number for outcome in expected] == list(range(12))
    assert len({outcome.lp_profit for outcome in expected}) == 12
    assert found == expected
    assert len(lives) == 1
    assert list(tmp_path.iterdir()) == []


def test_runner__one_worker__runs_a_job_when_its_outcome_is_wanted():
    asked = []

    def jobs():
        for number in range(3):
            asked.append(number)
            yield job(number=number, hours=1)

    with runner(1) as run:
        first = next(run(jobs()))

    assert (first.number, asked) == (0, [0])


@pytest.fixture
def create_cluster(tmp_path):
    """A cluster that is already there: a scheduler and workers, as threads of this process."""
    clusters = []

    def create(workers):
        clusters.append(
            LocalCluster(
                n_workers=workers,
                processes=False,
                protocol="tcp",
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                local_directory=tmp_path,
            )
        )
        return clusters[-1].scheduler_address

    yield create
    for cluster_ in clusters:
        cluster_.close()


def test_runner__existing_cluster__does_the_work_and_goes_on(create_cluster):
    address = create_cluster(workers=1)
    jobs = [job(number=number, hours=1) for number in range(9)]

    with runner(2, address) as run:
        first = by_number(run(jobs))
    with runner(2, address) as run:
        second = by_number(run(jobs))
    with runner(1) as run:
        assert first == second == list(run(jobs))


def test_runner__cluster_without_workers__is_refused(create_cluster):
    with pytest.raises(UserError, match="has no workers"), runner(2, create_cluster(workers=0)):
        pass


def test_runner__workers_without_this_project__are_refused(create_cluster, monkeypatch):
    address = create_cluster(workers=1)
    monkeypatch.setattr(cluster, "perform", SimpleNamespace(__module__="nowhere"))
    message = "workers cannot import this project: No module named 'nowhere'"

    with pytest.raises(UserError, match=message), runner(2, address):
        pass


@pytest.mark.parametrize(
    "address, message",
    [
        ("nonsense", "nonsense is no Dask address: missing port number"),
        ("foo://bar:1", "foo://bar:1 is no Dask address: unknown address scheme 'foo'"),
        ("tcp://127.0.0.1:9", "no Dask scheduler answers at tcp://127.0.0.1:9: Timed out .* 1 s"),
    ],
)
def test_runner__no_scheduler_there__is_refused(address, message, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)

    with pytest.raises(UserError, match=message), runner(2, address):
        pass


def test_runner__no_place_to_write__is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(cluster, "SCRATCH", Path(tmp_path / "file"))

    with pytest.raises(UserError, match="file cannot be written: File exists"), runner(2):
        pass
