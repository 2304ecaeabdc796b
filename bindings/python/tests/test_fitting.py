"""Runs of fit: they are those of the program, can be stopped and resumed, and their errors are sentences."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import gtn
import numpy as np
import pytest


def ring(n: int = 400, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, n), rng.uniform(0.9, 1.1, n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def squares(n: int = 60, side: int = 16) -> np.ndarray:
    """Bright squares at random places, shape (n, side, side, 3)."""
    rng = np.random.default_rng(1)
    images = np.zeros((n, side, side, 3), dtype=np.uint8)
    for image in images:
        top, left = rng.integers(0, side - 5, 2)
        image[top : top + 5, left : left + 5] = rng.integers(100, 256, 3)
    return images


def test_vectors_are_fitted_as_by_the_program(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    events: list[gtn.Progress] = []
    model = gtn.fit(ring(), out=tmp_path / "ring", epochs=2, progress=events.append)
    assert (model.dim, model.generates_images, Path(model.path)) == (2, False, tmp_path / "ring")
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "verdict" in printed.err and "stage" not in printed.err
    stages = {event.stage for event in events}
    assert {"flow", "fit"} <= stages, stages
    trained = [event for event in events if event.stage == "fit"]
    assert all(event.done <= event.total for event in events)
    assert trained[-1].epoch is not None and trained[-1].loss is not None

    np.save(tmp_path / "x.npy", ring().astype(np.float32))
    words = ["fit", "--latents", tmp_path / "x.npy", "--epochs", 2, "--out", tmp_path / "program"]
    made = subprocess.run([sys.executable, "-m", "gtn", *map(str, words)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    np.testing.assert_array_equal(gtn.load(tmp_path / "program").sample(50), model.sample(50))


def test_labels_become_components(tmp_path: Path) -> None:
    x = np.concatenate([ring(200), ring(200, seed=1) + 5])
    labels = np.repeat([3, 8], 200)
    model = gtn.fit(x, labels=labels, out=tmp_path / "rings", epochs=1, verbose=False)
    assert model.classes == ["3", "8"]
    assert model.sample(20, label="8").mean() > model.sample(20, label="3").mean() + 2


def test_images_are_fitted_from_arrays_and_folders(tmp_path: Path) -> None:
    images = squares()
    settings = {"dim": 4, "epochs": 1, "pairing": "greedy", "verbose": False, "explorer": False}
    model = gtn.fit(images, out=tmp_path / "squares", **settings)
    assert model.sample(3).shape == (3, 3, 16, 16)
    folder = gtn.fit(next((tmp_path / "squares-data").glob("*/squares")), out=tmp_path / "folder", side=16, **settings)
    np.testing.assert_array_equal(folder.sample(3), model.sample(3))
    # As floats, in the order of axes that samples have.
    floats = np.moveaxis(images, 3, 1).astype(np.float32) / 127.5 - 1
    again = gtn.fit(floats, out=tmp_path / "floats", **settings)
    np.testing.assert_array_equal(again.sample(3), model.sample(3))
    # The same call finds the run, and trains nothing.
    gtn.fit(images, out=tmp_path / "squares", **settings)


def test_an_exception_of_the_callback_ends_a_run_that_can_be_resumed(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def end(progress: gtn.Progress) -> None:
        if progress.stage == "fit":
            raise Enough

    with pytest.raises(Enough):
        gtn.fit(ring(), out=tmp_path / "ring", epochs=4, pairing="greedy", verbose=False, progress=end)
    resumed = gtn.fit(tmp_path / "ring", verbose=False)
    whole = gtn.fit(ring(), out=tmp_path / "whole", epochs=4, pairing="greedy", verbose=False)
    np.testing.assert_array_equal(resumed.sample(20), whole.sample(20))


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_saves_the_state(tmp_path: Path) -> None:
    started = threading.Event()

    def interrupt() -> None:
        started.wait(60)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        gtn.fit(ring(4000), out=tmp_path / "ring", epochs=100_000, time_budget="10m", verbose=False, progress=lambda _: started.set())
    thread.join()
    assert (tmp_path / "ring" / "config.toml").is_file()
    with pytest.raises(ValueError, match="different run"):
        gtn.fit(ring(4000), out=tmp_path / "ring", epochs=100_000, time_budget="20m", verbose=False)


def test_errors_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        gtn.fit(tmp_path / "nothing", verbose=False)
    with pytest.raises(FileNotFoundError, match=r"nothing\.npy"):
        gtn.fit(tmp_path / "nothing.npy", verbose=False)
    with pytest.raises(ValueError, match="rows"):
        gtn.fit(ring(4), out=tmp_path / "few", verbose=False)
    with pytest.raises(ValueError, match="'many' for '--dim"):
        gtn.fit(tmp_path, dim="many", verbose=False)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="images of floats must be in"):
        gtn.fit(np.full((30, 3, 16, 16), 200.0), out=tmp_path / "range", verbose=False)
    with pytest.raises(ValueError, match="data must be a path"):
        gtn.fit(np.zeros(5), out=tmp_path / "axes", verbose=False)
    with pytest.raises(ValueError, match="1 s or more"):
        gtn.fit(ring(), out=tmp_path / "time", time_budget=0, verbose=False)
    with pytest.raises(ValueError, match="labels"):
        gtn.fit(squares(), labels=np.zeros(60, dtype=int), out=tmp_path / "labels", verbose=False)
    # No call that fails leaves data behind.
    assert not list(tmp_path.rglob("*.npy")) and not list(tmp_path.rglob("*.png"))


def test_data_are_never_overwritten(tmp_path: Path) -> None:
    own = tmp_path / "ring.npy"
    own.write_bytes(b"of the user")
    settings = {"out": tmp_path / "ring", "epochs": 1, "pairing": "greedy", "verbose": False}
    with pytest.raises(ValueError, match="rows"):
        gtn.fit(ring(4), **settings)
    gtn.fit(ring(), **settings)
    with pytest.raises(ValueError, match="different run"):
        gtn.fit(ring(seed=2), **settings)
    with pytest.raises(ValueError, match="epochs"):
        gtn.fit(ring(seed=2), **{**settings, "epochs": "many"}, force=True)
    # The first run still has its data.
    gtn.fit(tmp_path / "ring", verbose=False)
    gtn.fit(ring(seed=2), **settings, force=True)
    assert own.read_bytes() == b"of the user"


def test_one_fit_runs_at_a_time(tmp_path: Path) -> None:
    def nested(_: gtn.Progress) -> None:
        gtn.fit(ring(), out=tmp_path / "inner", epochs=1, verbose=False)

    with pytest.raises(ValueError, match="in this thread already"):
        gtn.fit(ring(), out=tmp_path / "outer", epochs=1, pairing="greedy", verbose=False, progress=nested)


def test_images_that_are_never_black_are_warned_of(tmp_path: Path) -> None:
    images = np.moveaxis(squares(), 3, 1) / 255
    with pytest.warns(UserWarning, match=r"2 \* x - 1"):
        gtn.fit(images, out=tmp_path / "bright", dim=4, epochs=1, pairing="greedy", verbose=False, explorer=False)


def test_a_broken_stderr_does_not_end_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def write(self, _: str) -> int:
            raise OSError("gone")

        def flush(self) -> None:
            pass

    monkeypatch.setattr(sys, "stderr", Broken())
    gtn.fit(ring(), out=tmp_path / "ring", epochs=1, pairing="greedy")
    assert (tmp_path / "ring" / "report.html").is_file()


def test_a_run_that_the_program_names_keeps_its_labels_when_it_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Enough(Exception):
        pass

    def end(progress: gtn.Progress) -> None:
        if progress.stage == "fit":
            raise Enough

    settings = {"epochs": 2, "pairing": "greedy", "verbose": False}
    monkeypatch.chdir(tmp_path)
    np.save("rings.npy", np.concatenate([ring(200), ring(200, seed=1) + 5]).astype(np.float32))
    with pytest.raises(Enough):
        gtn.fit("rings.npy", labels=np.repeat([0, 1], 200), components="labels", **settings, progress=end)
    assert gtn.fit("runs/rings-d2-seed1", verbose=False).classes == ["0", "1"]
