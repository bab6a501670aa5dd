"""How figures are read: which belong together, which way is better, where they mean nothing."""

from collections.abc import Iterable, Iterator

LOW, HIGH = "↓", "↑"

GROUPS = {
    "near the observed picture": {"lpips": LOW, "psnr": HIGH, "ssim": HIGH},
    "in agreement with the file": {"lr_psnr": HIGH, "kept": HIGH},
    "different from each other": {"spread": "", "s": HIGH, "std": "", "fwv": HIGH},
    "all pictures as a set": {"fid": LOW, "kid": LOW},
    "drawings": {"ladder": LOW},
    "walks": {
        **{"recall": LOW, "judged": LOW, "start": "", "length": ""},
        **{"agrees": HIGH, "step": LOW},
    },
}
"""By beginnings of their names, which way is better: nothing where neither is by itself."""

FEW = 10
"""Pictures. A 95 % interval of five normal values holds their mean in 84 % of cases."""


def grouped(figures: Iterable[str]) -> dict[str, list[str]]:
    """The figures of each group that has any."""
    figures = list(figures)
    found = {group: [one for one in figures if _place(one)[0] == group] for group in GROUPS}
    return {group: some for group, some in found.items() if some}


def better(figure: str) -> str:
    """An arrow, or nothing."""
    return _place(figure)[1]


def cautions(figures: Iterable[str], pictures: int) -> Iterator[str]:
    """What figures of so few pictures do not tell, a line each."""
    if 1 < pictures < FEW:
        yield f"of {pictures} pictures the intervals are too narrow: take {FEW} or more"
    for figure in figures:
        if figure.startswith("fid"):
            features = int(figure.removeprefix("fid") or 2048)
            if pictures <= features:
                yield (
                    f"{figure} of {pictures} pictures, fewer than its {features} features, is "
                    "mostly bias: it compares models on these very pictures, and means nothing else"
                )


def _place(figure: str) -> tuple[str, str]:
    """Its group and arrow, by the longest beginning."""
    return max(
        (len(beginning), group, arrow)
        for group, arrows in GROUPS.items()
        for beginning, arrow in arrows.items()
        if figure.startswith(beginning)
    )[1:]
