"""The networks of the authors' PyTorch code, with the names of their state dicts. make_torch.py and torch_reference.py use them."""

import torch
from torch import nn
from torch.nn import functional as F


class HMnist(nn.Module):
    """ĥ for MNIST: fc1 to fc6, each with LeakyReLU and BatchNorm, and fc7."""

    def __init__(self, d, width, layers=6):
        super().__init__()
        self.layers = layers
        for k in range(1, layers + 1):
            setattr(self, f"fc{k}", nn.Linear(d if k == 1 else width, width))
            setattr(self, f"bn{k}", nn.BatchNorm1d(width))
        setattr(self, f"fc{layers + 1}", nn.Linear(width, d))

    def forward(self, x):
        for k in range(1, self.layers + 1):
            x = getattr(self, f"bn{k}")(F.leaky_relu(getattr(self, f"fc{k}")(x), 0.5))
        return getattr(self, f"fc{self.layers + 1}")(x)


class HDeep(nn.Module):
    """ĥ for CelebA and 11K Hands: 40 layers are defined, the first 25 are applied, 20 of them with BatchNorm."""

    def __init__(self, d, width, defined=40, applied=25, norms=20):
        super().__init__()
        self.applied, self.norms = applied, norms
        for k in range(1, defined + 1):
            setattr(self, f"fc{k}", nn.Linear(d if k == 1 else width, width))
        for k in range(1, norms + 1):
            setattr(self, f"bn{k}", nn.BatchNorm1d(width))
        self.fc_out = nn.Linear(width, d)

    def forward(self, x):
        for k in range(1, self.applied + 1):
            x = F.leaky_relu(getattr(self, f"fc{k}")(x), 0.5)
            if k <= self.norms:
                x = getattr(self, f"bn{k}")(x)
        return self.fc_out(x)


class Encoder(nn.Module):
    def __init__(self, channels, side, d):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 4, 2, 1)
        self.conv2 = nn.Conv2d(64, 128, 4, 2, 1)
        self.fc = nn.Linear(128 * (side // 4) ** 2, d)

    def forward(self, x):
        return self.fc(F.relu(self.conv2(F.relu(self.conv1(x)))).flatten(1))


class Decoder(nn.Module):
    def __init__(self, channels, side, d):
        super().__init__()
        self.side = side
        self.fc = nn.Linear(d, 128 * (side // 4) ** 2)
        self.conv2 = nn.ConvTranspose2d(128, 64, 4, 2, 1)
        self.conv1 = nn.ConvTranspose2d(64, channels, 4, 2, 1)

    def forward(self, z):
        x = self.fc(z).view(-1, 128, self.side // 4, self.side // 4)
        return torch.tanh(self.conv1(F.relu(self.conv2(x))))


class Autoencoder(nn.Module):
    def __init__(self, channels, side, d):
        super().__init__()
        self.encoder = Encoder(channels, side, d)
        self.decoder = Decoder(channels, side, d)


def as_trained(network):
    """Weights through which the variance is kept, and running statistics with which BatchNorm changes its input."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, (1.6 / module.in_features) ** 0.5)
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, 0, (2 / module.weight[0].numel()) ** 0.5)
        if isinstance(module, nn.ConvTranspose2d):
            # With stride 2, a quarter of the kernel reaches each pixel.
            nn.init.normal_(module.weight, 0, (8 / module.weight[:, 0].numel()) ** 0.5)
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.weight, 1, 0.1)
            nn.init.normal_(module.bias, 0, 0.1)
    return network.eval()
