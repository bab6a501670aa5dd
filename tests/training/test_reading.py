"""A table is read at a glance: what belongs together, which way is better, what means nothing."""

from itertools import chain

import numpy as np
import pytest
from imagine_training.evaluation import reading, report, traversal
from imagine_training.evaluation.metrics import bootstrap
from imagine_training.evaluation.scores import Scores

FIGURES = ["lpips_alex", "spread", "s10", "psnr_of_mean", "ssim", "lr_psnr", "fid", "std_1_map"]


def test_figures_stand_in_groups_each_once():
    groups = reading.grouped(FIGURES)
    assert groups["near the observed picture"] == ["lpips_alex", "psnr_of_mean", "ssim"]
    assert groups["in agreement with the file"] == ["lr_psnr"]
    assert groups["different from each other"] == ["spread", "s10", "std_1_map"]
    assert sorted(chain(*groups.values())) == sorted(FIGURES)


@pytest.mark.parametrize(
    ("figure", "arrow"),
    [("lpips_vgg_best", "↓"), ("s3", "↑"), ("spread_least", ""), ("lr_psnr_worst", "↑")],
)
def test_an_arrow_says_which_way_is_better(figure, arrow):
    assert reading.better(figure) == arrow


def test_every_figure_has_its_place(monkeypatch):
    for task, levels in (("upscale", 4), ("decompress", 1)):
        every = [*Scores(task, 3, levels=levels).definitions, *traversal.DEFINITIONS]
        assert sorted(chain(*reading.grouped(every).values())) == sorted(every)


def test_too_few_pictures_are_remarked_on():
    assert len(list(reading.cautions(["fid", "psnr"], 5))) == 2
    assert "768 features" in "".join(reading.cautions(["fid768"], 500))
    assert list(reading.cautions(["fid768", "kid768", "psnr"], 1000)) == []


def test_an_interval_of_five_holds_the_mean_less_often_than_it_says():
    rows = np.random.default_rng(0).normal(size=(300, 5))
    holds = [low <= 0 <= high for low, high in map(bootstrap, rows)]
    assert 0.78 < np.mean(holds) < 0.9


def test_the_table_has_it_all():
    table = report.Table("x4")
    for name in ("a", "b"):
        table.add("lanczos", name, {"psnr": 30.0, "lpips_alex": 0.5})
    lines = report.lines(table, {"lpips_alex": "", "psnr": ""})
    assert lines[2] == "near the observed picture"
    assert lines[4].split() == ["psnr", "↑", "30", "[30", "30]"]
    assert lines[-1].startswith("note: of 2 pictures")
