"""The matching beside its definition, on arrays of every layout."""

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
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def by_definition(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Algorithm 1, one row after the other, in float64 sums from left to right."""
    y, x = y.astype(np.float64), x.astype(np.float64)

    def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        total = np.zeros(len(b))
        for column in range(b.shape[1]):
            total = total + a[column] * b[:, column]
        return total

    norms = [np.sqrt(np.array([dot(row, row[None])[0] for row in rows])) for rows in (y, x)]
    free = np.ones(len(x), dtype=bool)
    assignment = np.zeros(len(y), dtype=np.int64)
    for row in np.lexsort((np.arange(len(y)), norms[0])):
        with np.errstate(invalid="ignore", divide="ignore"):
            score = np.where(norms[1] > 0, dot(y[row], x) / norms[1], 0.0)
        if norms[0][row] == 0:
            score = np.zeros(len(x))
        best = min((-score[k], norms[1][k], k) for k in np.flatnonzero(free))[2]
        assignment[row], free[best] = best, False
    return assignment


@given(
    st.integers(1, 4).flatmap(
        lambda d: st.tuples(
            hnp.arrays(np.float32, st.tuples(st.integers(1, 12), st.just(d)), elements=st.floats(-9, 9, width=16)),
            hnp.arrays(np.float32, st.tuples(st.integers(12, 20), st.just(d)), elements=st.floats(-9, 9, width=16)),
        )
    )
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_pairs_are_those_of_the_definition(arrays: tuple[np.ndarray, np.ndarray]) -> None:
    y, x = arrays
    found = gtn.match(y, x)
    np.testing.assert_array_equal(found.assignment, by_definition(y, x))
    assert len(set(found.assignment.tolist())) == len(y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f4", np.float16, np.int64])
def test_every_layout_and_type_gives_the_same_pairs(dtype: str) -> None:
    rng = np.random.default_rng(1)
    y, x = (np.round(rng.normal(scale=9, size=(n, 3))).astype(dtype) for n in (40, 60))
    expected = gtn.match(y, x)
    assert expected.assignment.dtype == np.int64 and expected.similarity.dtype == np.float32
    strided = np.zeros((80, 6), dtype=dtype)
    strided[::2, ::2] = y
    fortran = np.asfortranarray(x)
    frozen = y.copy()
    frozen.flags.writeable = False
    for source, target in [(strided[::2, ::2], x), (y, fortran), (frozen, x), (y.tolist(), x.tolist())]:
        found = gtn.match(source, target, threads=2)
        np.testing.assert_array_equal(found.assignment, expected.assignment)
        np.testing.assert_array_equal(found.order, expected.order)


def test_pairs_are_those_of_the_program(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    y, x = (rng.normal(size=(n, 7)).astype(np.float32) for n in (900, 1000))
    np.save(tmp_path / "y.npy", y)
    np.save(tmp_path / "x.npy", x)
    words = ["label", "--source", tmp_path / "y.npy", "--target", tmp_path / "x.npy", "--out", tmp_path / "pairs.npz"]
    subprocess.run([sys.executable, "-m", "gtn", *map(str, words)], check=True, capture_output=True)
    of_program, found = np.load(tmp_path / "pairs.npz"), gtn.match(y, x)
    np.testing.assert_array_equal(of_program["matching"], found.assignment)
    np.testing.assert_array_equal(of_program["order"], found.order)
    np.testing.assert_array_equal(of_program["similarity"], found.similarity)


def test_mixed_types_are_compared_as_float64() -> None:
    rng = np.random.default_rng(2)
    y, x = rng.normal(size=(20, 4)).astype(np.float32), rng.normal(size=(30, 4))
    np.testing.assert_array_equal(gtn.match(y, x).assignment, gtn.match(y.astype(np.float64), x).assignment)


def test_tensors_of_torch_are_read() -> None:
    torch = pytest.importorskip("torch")
    y, x = torch.randn(10, 3, requires_grad=True), torch.randn(12, 3)
    expected = gtn.match(y.detach().numpy(), x.numpy())
    np.testing.assert_array_equal(gtn.match(y, x).assignment, expected.assignment)


def test_labels_pair_only_rows_of_the_same_label() -> None:
    rng = np.random.default_rng(3)
    y, x = rng.normal(size=(30, 2)), rng.normal(size=(50, 2))
    of_y, of_x = np.arange(30) % 2, np.arange(50) % 2
    found = gtn.match(y, x, labels=(of_y, of_x))
    np.testing.assert_array_equal(of_x[found.assignment], of_y)


@pytest.mark.parametrize(
    ("source", "target", "options", "sentence"),
    [
        (np.ones((3, 2)), np.ones((2, 2)), {}, "3"),
        (np.ones((2, 2)), np.ones((2, 3)), {}, "columns"),
        (np.ones(4), np.ones((2, 3)), {}, r"source must have two axes, rows and columns, but its shape is \(4,\)"),
        (np.full((2, 2), np.nan), np.ones((2, 2)), {}, "source"),
        (np.ones((2, 2)), np.ones((2, 2)), {"precision": "half"}, "use one of double, single"),
        (np.ones((2, 2)), np.ones((2, 2)), {"threads": 0}, "threads is 0"),
        (np.ones((2, 2)), np.ones((2, 2)), {"labels": [1]}, "two arrays"),
        (np.ones((2, 2)), np.ones((2, 2)), {"labels": ([0, -1], [0, 1])}, "from 0"),
    ],
)
def test_errors_are_sentences(source: np.ndarray, target: np.ndarray, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        gtn.match(source, target, **options)


def test_text_is_no_number() -> None:
    with pytest.raises(TypeError, match="real numbers"):
        gtn.match([["a", "b"]], [["a", "b"]])


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_long_matching_and_leaves_python_alive() -> None:
    rng = np.random.default_rng(4)
    # Hours of work.
    y = rng.normal(size=(400_000, 200)).astype(np.float32)
    threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        gtn.match(y, y[::-1])
    assert time.monotonic() - begun < 120
    assert len(gtn.match(y[:10], y[:20])) == 10


def test_other_threads_run_meanwhile() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal(size=(4_000, 50))
    counted = 0
    done = threading.Event()

    def count() -> None:
        nonlocal counted
        while not done.is_set():
            counted += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    gtn.match(y, y, threads=1)
    done.set()
    thread.join()
    assert counted > 1


def test_a_matching_says_what_it_is() -> None:
    assert repr(gtn.match(np.eye(3), np.eye(3))) == "Matching(3 pairs, mean similarity 1.0000)"


def test_fields_of_packed_records_are_read() -> None:
    rng = np.random.default_rng(8)
    y, x = rng.normal(size=(30, 3)).astype(np.float32), rng.normal(size=(40, 3)).astype(np.float32)
    packed = np.zeros(40, dtype=[("xyz", np.float32, (3,)), ("color", np.uint8, (3,))])
    packed["xyz"] = x
    np.testing.assert_array_equal(gtn.match(y, packed["xyz"]).assignment, gtn.match(y, x).assignment)
    assert gtn.metrics.energy_distance(packed["xyz"], x) < 1e-6
    shifted = np.frombuffer(b"x" + x.tobytes(), dtype=np.float32, offset=1).reshape(x.shape)
    np.testing.assert_array_equal(gtn.match(y, shifted).assignment, gtn.match(y, x).assignment)


def test_what_pandas_and_masks_miss_is_no_number() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}).convert_dtypes()
    np.testing.assert_array_equal(gtn.match(frame, frame).assignment, gtn.match(frame.to_numpy(float), frame.to_numpy(float)).assignment)
    with pytest.raises(ValueError, match="masked"):
        gtn.match(np.ma.masked_greater(np.eye(2), 0.5), np.eye(2))


def test_a_forked_process_is_told() -> None:
    code = """
import multiprocessing, numpy as np, gtn
x = np.random.default_rng(0).normal(size=(3000, 5))
gtn.match(x, x)
def child():
    try:
        gtn.match(x, x)
    except RuntimeError as error:
        assert "spawn" in str(error)
        raise SystemExit(7)
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join(60)
print(process.exitcode)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "7\n", done.stderr
