"""Trained models: the samples are those of the program, to the bit."""

import pickle
import subprocess
import sys
from pathlib import Path

import gtn
import numpy as np
import pytest


@pytest.fixture(scope="module")
def digits() -> gtn.Model:
    return gtn.load(gtn.weights("mnist-d5"))


def program(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "gtn", *map(str, arguments)], capture_output=True, text=True, check=False)


def test_samples_are_those_of_the_program(digits: gtn.Model, tmp_path: Path) -> None:
    assert (digits.dim, digits.generates_images) == (5, True)
    images = digits.sample(7, seed=3)
    assert images.shape == (7, 1, 28, 28) and images.dtype == np.float32
    assert images.min() >= -1 and images.max() <= 1
    made = program("sample", gtn.weights("mnist-d5"), "-n", 7, "--seed", 3, "--out", tmp_path / "digits.npy")
    assert made.returncode == 0, made.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "digits.npy"), images)
    np.testing.assert_array_equal(digits.sample(3, seed=3), images[:3])
    assert not np.array_equal(digits.sample(3, seed=4), images[:3])


def test_the_temperature_scales_the_normal_vectors(digits: gtn.Model) -> None:
    assert digits.components > 1
    usual, cool, cold = (digits.sample_latents(50, label=0, temperature=temperature) for temperature in (1.0, 0.3, 0.0))
    assert usual.shape == (50, 5) and not np.array_equal(usual, cool)
    np.testing.assert_allclose(cold, np.broadcast_to(cold[0], cold.shape), rtol=1e-6)


def test_images_are_encoded_decoded_and_interpolated(digits: gtn.Model, tmp_path: Path) -> None:
    latents = digits.sample_latents(4)
    images = digits.decode(latents)
    assert digits.encode(images).shape == (4, 5)
    np.testing.assert_array_equal(digits.decode(latents.astype(np.float64)), images)
    rows = digits.interpolate(2, steps=6, seed=5)
    assert rows.shape == (2, 6, 1, 28, 28)
    digits.save(tmp_path / "model.safetensors")
    again = gtn.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.sample(4), digits.sample(4))


def test_errors_are_sentences(digits: gtn.Model, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        gtn.load(tmp_path / "nothing")
    (tmp_path / "broken.safetensors").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"broken\.safetensors"):
        gtn.load(tmp_path / "broken.safetensors")
    with pytest.raises(ValueError, match="columns"):
        digits.decode(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"\(n, C, H, W\)"):
        digits.encode(np.zeros((28, 28)))
    with pytest.raises(ValueError, match="no classes"):
        digits.sample(1, label="seven")
    with pytest.raises(ValueError, match="negative"):
        digits.sample(-1)
    with pytest.raises(TypeError, match="whole number"):
        digits.sample(1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="whole number"):
        digits.sample(1, label=True)
    with pytest.raises(ValueError, match="below"):
        digits.sample(1, seed=2**64)
    with pytest.raises(MemoryError, match="draw fewer"):
        digits.sample(10**13)
    with pytest.raises(ValueError, match=r"in \[200, 200\]"):
        digits.encode(np.full((1, 1, 28, 28), 200, dtype=np.uint8))
    with pytest.raises(ValueError, match="temperature"):
        digits.sample(1, temperature=-1.0)
    with pytest.raises(ValueError, match="there are .*mnist-d5"):
        gtn.weights("faces")


def test_the_program_has_its_exit_codes(tmp_path: Path) -> None:
    assert program("--version").stdout.startswith("gtn ")
    assert program("sample", tmp_path / "nothing", "--out", tmp_path / "x.png").returncode != 0
    assert program("no-such-verb").returncode == 2


def test_other_native_libraries_can_be_loaded_afterwards() -> None:
    # Libraries of OpenMP need room in the static block of thread-local memory.
    code = "import gtn, sklearn.mixture, scipy.linalg, numpy; print(gtn.load(gtn.weights('mnist-d5')).dim)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("5\n", "")


def test_models_can_be_sent_to_other_processes(digits: gtn.Model) -> None:
    again = pickle.loads(pickle.dumps(digits))
    np.testing.assert_array_equal(again.sample(2), digits.sample(2))
