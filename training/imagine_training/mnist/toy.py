"""Conditional IMLE and a conditional GAN at their smallest: vectors in, vectors out.

Both train the same network on the same pairs of what is known and what was observed: one answer for
each, though many would do. They differ in what is done with the random code.

    imle    draw several codes, keep the one whose answer is nearest, pull that answer closer
    gan     draw one code; a second network says whether the answer looks observed (Mirza 2014)

With one candidate IMLE is regression.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Plan:
    """How long, and how fast. A round chooses codes for a pool of pairs, and takes its steps."""

    rounds: int = 60
    pool: int = 1000
    steps: int = 50
    batch: int = 100
    rate: float = 1e-3  # Adam's, down to nothing by a cosine
    code: int = 16
    width: int = 256


class Sampler(nn.Module):
    """What is known (n, x) and a code (n, z) to an answer (n, y)."""

    def __init__(self, known: int, answer: int, plan: Plan) -> None:
        super().__init__()
        self.code = plan.code
        self.layers = perceptron(known + plan.code, plan.width, answer)

    def forward(self, known: Tensor, code: Tensor) -> Tensor:
        answer: Tensor = self.layers(torch.cat((known, code), 1))
        return answer


@torch.no_grad()
def samples(sampler: Sampler, known: Tensor, number: int) -> Tensor:
    """So many answers to each: (n, x) to (n, number, y)."""
    many = known.repeat_interleave(number, 0)
    answers: Tensor = sampler(many, torch.randn(len(many), sampler.code))
    return answers.reshape(len(known), number, -1)


def imle(known: Tensor, observed: Tensor, plan: Plan, *, candidates: int) -> Sampler:
    """Trained on pairs (n, x), (n, y) by the squared distance to the nearest of `candidates`."""
    sampler = Sampler(known.shape[1], observed.shape[1], plan)
    adam = torch.optim.Adam(sampler.parameters(), plan.rate)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, plan.rounds)
    for _ in range(plan.rounds):
        pool = torch.randperm(len(known))[: plan.pool]
        codes = nearest_codes(sampler, known[pool], observed[pool], candidates)
        for _ in range(plan.steps):
            some = torch.randint(len(pool), (plan.batch,))
            answers = sampler(known[pool[some]], codes[some])
            loss = (answers - observed[pool[some]]).square().sum(1).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
        fall.step()
    return sampler


@torch.no_grad()
def nearest_codes(sampler: Sampler, known: Tensor, observed: Tensor, candidates: int) -> Tensor:
    """Of so many codes for each pair the one whose answer is nearest to what was observed."""
    codes = torch.randn(candidates, len(known), sampler.code)
    far = torch.stack([(sampler(known, code) - observed).square().sum(1) for code in codes])
    return codes[far.argmin(0), torch.arange(len(known))]


def gan(known: Tensor, observed: Tensor, plan: Plan) -> Sampler:
    """As many steps of each network as `imle` takes of its one; the non-saturating loss."""
    sampler = Sampler(known.shape[1], observed.shape[1], plan)
    critic = perceptron(known.shape[1] + observed.shape[1], plan.width, 1)
    adams = [
        torch.optim.Adam(network.parameters(), plan.rate / 2, betas=(0.5, 0.999))
        for network in (sampler, critic)
    ]
    for _ in range(plan.rounds * plan.steps):
        some = torch.randint(len(known), (plan.batch,))
        answers = sampler(known[some], torch.randn(plan.batch, plan.code))

        real = critic(torch.cat((known[some], observed[some]), 1))
        fake = critic(torch.cat((known[some], answers.detach()), 1))
        _step(adams[1], (F.softplus(-real) + F.softplus(fake)).mean())

        _step(adams[0], F.softplus(-critic(torch.cat((known[some], answers), 1))).mean())
    return sampler


def perceptron(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, outputs),
    )


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def learners(*candidates: int) -> dict[str, Callable[[Tensor, Tensor, Plan], Sampler]]:
    """What is put side by side: from what is known and observed, and a plan, to a sampler."""
    return {f"m = {count}": partial(imle, candidates=count) for count in candidates} | {"cGAN": gan}
