"""The same sweep on a Dask cluster of real processes on this machine, some of which are killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sweeping import plan_of, run_sweep, same_tables

from satsim.errors import SweepError
from satsim.sweep.cluster import run_on_cluster
from satsim.sweep.local import run_here
from satsim.sweep.results import Unfinished

MANY = "link.loss_ratio=0.02:0.4:0.02"
TESTS = Path(__file__).resolve().parent
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}", "DASK_DISTRIBUTED__DASHBOARD__LINK": ""}


def start(*words):
    command = [str(Path(sys.executable).with_name("dask")), *words]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


class Cluster:
    """A scheduler and two workers, started by the commands of the README."""

    def __init__(self, folder):
        self.file = folder / "scheduler.json"
        self.folder = folder
        self.scheduler = start(
            "scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(self.file)
        )
        self.address = ""
        self.workers = []

    def add_worker(self):
        self.workers.append(
            start(
                "worker",
                "--scheduler-file",
                str(self.file),
                "--nthreads",
                "1",
                "--no-dashboard",
                "--no-nanny",
                "--local-directory",
                str(self.folder),
            )
        )

    def wait(self):
        import json

        for _ in range(300):
            if self.file.exists() and self.file.stat().st_size:
                self.address = json.loads(self.file.read_text(encoding="utf-8"))["address"]
                return self
            time.sleep(0.1)
        raise AssertionError("no scheduler within half a minute")

    def stop(self):
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    distributed = pytest.importorskip("distributed", reason="pip install 'satsim-link[cluster]'")
    made = Cluster(tmp_path / "cluster")
    made.folder.mkdir()
    try:
        made.add_worker()
        made.add_worker()
        made.wait()
        with distributed.Client(made.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield made
    finally:
        made.stop()


def on(cluster, then=lambda answers: None):
    """Workers of `cluster`; `then` is called with the number of jobs done, after each."""

    def work(function, tasks):
        for count, answer in enumerate(run_on_cluster(function, tasks, cluster.address), 1):
            yield answer
            if function.__name__ == "run_job":
                then(count)

    return work


@pytest.mark.slow
def test_a_cluster_gives_the_tables_that_this_process_gives(story, tmp_path, cluster):
    plan = plan_of(story, MANY)
    run_sweep(plan, tmp_path / "here", run_here)
    assert run_sweep(plan, tmp_path / "there", on(cluster)).runs == 20 * 3 * 20
    same_tables(tmp_path / "here", tmp_path / "there")


@pytest.mark.slow
def test_a_worker_killed_amid_the_sweep_loses_nothing(story, tmp_path, cluster):
    plan = plan_of(story, MANY)

    def kill_one(count):
        if count == 3:
            cluster.workers[0].send_signal(signal.SIGKILL)

    assert run_sweep(plan, tmp_path / "there", on(cluster, kill_one)).runs == 20 * 3 * 20
    run_sweep(plan, tmp_path / "here", run_here)
    same_tables(tmp_path / "here", tmp_path / "there")


@pytest.mark.slow
def test_a_scheduler_killed_amid_the_sweep_leaves_what_was_done(story, tmp_path, cluster):
    plan = plan_of(story, MANY)

    def kill_it(count):
        if count == 3:
            cluster.scheduler.send_signal(signal.SIGKILL)

    with pytest.raises(SweepError, match="the scheduler has gone away; what is done is kept"):
        run_sweep(plan, tmp_path / "there", on(cluster, kill_it))
    assert len(Unfinished(tmp_path / "there").parts()) >= 3
    rest = run_sweep(plan, tmp_path / "there", run_here, resume=True)
    assert rest.runs <= 17 * 3 * 20
    run_sweep(plan, tmp_path / "here", run_here)
    same_tables(tmp_path / "here", tmp_path / "there")


def test_no_scheduler_is_said_in_a_line():
    pytest.importorskip("distributed", reason="pip install 'satsim-link[cluster]'")
    with pytest.raises(SweepError, match="no scheduler answers there"):
        list(run_on_cluster(str, [1], "tcp://127.0.0.1:1"))


def test_what_is_no_address_is_said_in_a_line():
    pytest.importorskip("distributed", reason="pip install 'satsim-link[cluster]'")
    with pytest.raises(
        SweepError, match="'nonsense'; expected the address of a Dask scheduler, such as tcp://host:8786"
    ):
        list(run_on_cluster(str, [1], "nonsense"))


@pytest.mark.slow
def test_a_scheduler_without_workers_is_said_in_a_line(tmp_path):
    pytest.importorskip("distributed", reason="pip install 'satsim-link[cluster]'")
    empty = Cluster(tmp_path)
    try:
        with pytest.raises(SweepError, match="has no worker"):
            list(run_on_cluster(str, [1], empty.wait().address))
    finally:
        empty.stop()
