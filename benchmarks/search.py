"""What of a candidate's cost is the search for the nearest: could a faster search pay?

    python benchmarks/search.py

In conditional IMLE every picture has a pool of its own, drawn for it alone: m codes, of which one
is kept. Each must be imagined and looked at before it can be compared, so exact search and its
rivals (prioritised DCI; Li & Malik, ICML 2017) differ in the last column alone, whatever m is.
"""

import time
from collections.abc import Callable

import torch
from imagine_training.method.latent import draw
from imagine_training.method.network import Generator
from imagine_training.method.perceptual import Lpips, compare
from imagine_training.method.presets import PRESETS

BATCH, CROP = 8, 352


def seconds(work: Callable[[], object], turns: int = 5) -> float:
    work()
    began = time.perf_counter()
    for _ in range(turns):
        work()
    return (time.perf_counter() - began) / turns


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    preset = PRESETS["upscale"]["compact"]
    network = Generator(preset, reduced=True)
    condition = torch.zeros(BATCH, preset.condition)
    side = CROP // 2 ** len(preset.levels)
    print("ms a batch of 8   level  imagine  look  compare  share of the search")
    for net in ("vgg", "squeeze"):
        lpips = Lpips(net, reduced=True)
        for level, shape in enumerate(preset.levels):
            small = min(side * 2**level, shape.window or CROP)
            pixels = torch.rand(BATCH, 3, small, small)
            code = draw(preset, level, pixels, torch.Generator().manual_seed(0))
            picture = network(level, pixels, code.map, code.vector, condition)
            seen, other = lpips.features(picture), lpips.features(torch.rand_like(picture))
            imagine, look, search = (
                seconds(work)
                for work in (
                    lambda: network(level, pixels, code.map, code.vector, condition),  # noqa: B023
                    lambda: lpips.features(picture),  # noqa: B023
                    lambda: compare(seen, other),  # noqa: B023
                )
            )
            share = search / (imagine + look + search)
            print(
                f"{net:17s}{level + 1:6d}{1e3 * imagine:9.1f}{1e3 * look:6.1f}"
                f"{1e3 * search:9.2f}{share:12.1%}"
            )


if __name__ == "__main__":
    main()
