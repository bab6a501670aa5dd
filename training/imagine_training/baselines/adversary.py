"""Two networks against each other: each learns by its own loss, at once, from the same pictures.

Goodfellow et al., "Generative Adversarial Nets" (2014). Gradients of both losses are taken at the
weights that both networks had before the step.
"""

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import weight_norm


def still(adversary: nn.Module, *pictures: Tensor) -> Tensor:
    """What the adversary says, for the loss that moves the pictures: its own weights are still."""
    weights = {name: value.detach() for name, value in adversary.named_parameters()}
    said: Tensor = functional_call(adversary, weights, pictures)
    return said


def against(loss: Tensor, adversary_loss: Tensor) -> Tensor:
    """The generator's loss (n,), with the gradients of both."""
    return loss + adversary_loss - adversary_loss.detach()


def halving(channels: int, out: int) -> nn.Module:
    """A convolution that halves the sides: (n, channels, h, w) to (n, out, h/2, w/2)."""
    layer: nn.Module = weight_norm(nn.Conv2d(channels, out, 4, stride=2, padding=1))
    return layer
