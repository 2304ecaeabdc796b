"""Writes torch/*.pth: small files of torch.save, for the tests of the reader in crates/gtn-models/src/torch.

The tests know the values. Storages in the legacy format are named after addresses, so the bytes differ from run to run.

    pip install torch safetensors
    python tests/golden/make_torch_files.py
"""

import collections
import io
import os
import pathlib
import zipfile

import torch
from safetensors.torch import save_file

folder = pathlib.Path(__file__).parent / "torch"
folder.mkdir(exist_ok=True)


class Code:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("echo executed",)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(2, 2)


def numbers(*shape):
    """0, 1/4, 2/4, ..."""
    return (torch.arange(int(torch.tensor(shape).prod())) / 4).reshape(shape)


def tensors():
    """One tensor of each kind."""
    shared = numbers(12)
    tagged, tagged_parameter = numbers(4), torch.nn.Parameter(numbers(4))
    # PyTorch saves the attributes of a tensor with it.
    tagged.tag = tagged_parameter.tag = "text"
    return collections.OrderedDict(
        matrix=numbers(2, 3),
        transposed=torch.nn.Parameter(numbers(2, 3).t()),
        parameter=torch.nn.Parameter(numbers(4)),
        tagged=tagged,
        tagged_parameter=tagged_parameter,
        first=shared[:6].view(2, 3),
        second=shared[6:].view(2, 3),
        column=shared.view(4, 3)[:, 1],
        scalar=torch.tensor(0.75),
        empty=torch.zeros(0, 3),
        double=numbers(2).double(),
        half=numbers(2).half(),
        bfloat16=numbers(2).bfloat16(),
        counts=torch.arange(3),
        flags=torch.tensor([True, False]),
    )


def save(name, value, **options):
    torch.save(value, folder / f"{name}.pth", **options)


for name, options in [("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False})]:
    save(name, tensors(), **options)
# A state dict of a module has attributes and counters of batches.
module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
with torch.no_grad():
    for parameter in module.parameters():
        parameter.copy_(numbers(*parameter.shape))
save("module", torch.nn.DataParallel(module).state_dict())
save("protocol4", collections.OrderedDict(matrix=numbers(2, 3)), pickle_protocol=4)
save("checkpoint", {"epoch": 3, "state_dict": module.state_dict()})
save("entry", {"matrix": numbers(2, 3), "epoch": 3})
save("tensor", numbers(2))
save("list", [numbers(2)])
save("expanded", {"matrix": numbers(2, 1).expand(2, 1000)})
save("code", {"matrix": numbers(2, 3), "other": Code()})
save("code_legacy", {"other": Code()}, _use_new_zipfile_serialization=False)
save("network", Net())
script = io.BytesIO()
torch.jit.save(torch.jit.script(module.eval()), script)
with zipfile.ZipFile(script) as saved, zipfile.ZipFile(folder / "script.pth", "w") as archive:
    for name in saved.namelist():
        # The names of local files are in these.
        if not name.endswith(".debug_pkl"):
            archive.writestr(name, saved.read(name))
save_file({name: value.detach().clone().contiguous() for name, value in tensors().items()}, folder / "tensors.safetensors", metadata={"note": "text"})
