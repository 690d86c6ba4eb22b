"""Energy counters, read from simulated files of Linux's powercap interface."""

from pathlib import Path

import pytest
import torch

from nnlab.workers.energy import EnergyMeter

CPU = torch.device("cpu")


def zone(powercap: Path, name: str, microjoules: int, reach: int = 1_000_000_000) -> None:
    (powercap / name).mkdir(exist_ok=True)
    (powercap / name / "energy_uj").write_text(f"{microjoules}\n")
    (powercap / name / "max_energy_range_uj").write_text(f"{reach}\n")


def test_packages_are_summed_and_their_parts_are_not(tmp_path: Path) -> None:
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"):
        zone(tmp_path, name, 5_000_000)
    meter = EnergyMeter(CPU, tmp_path)
    zone(tmp_path, "intel-rapl:0", 7_000_000)
    zone(tmp_path, "intel-rapl:1", 5_500_000)
    zone(tmp_path, "intel-rapl:0:0", 900_000_000)
    assert meter.used() == pytest.approx(2.5)
    assert meter.used() == 0.0


def test_a_counter_that_turns_over_goes_on(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 999_000_000)
    meter = EnergyMeter(CPU, tmp_path)
    zone(tmp_path, "intel-rapl:0", 3_000_000)
    assert meter.used() == pytest.approx(4.0)


@pytest.mark.parametrize("content", ["", "no number"])
def test_a_counter_that_cannot_be_read_says_nothing(tmp_path: Path, content: str) -> None:
    zone(tmp_path, "intel-rapl:0", 1)
    meter = EnergyMeter(CPU, tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text(content)
    assert meter.used() is None
    assert EnergyMeter(CPU, tmp_path).used() is None
    assert EnergyMeter(CPU, tmp_path / "none").used() is None


def test_a_gpu_that_is_not_there_says_nothing() -> None:
    assert EnergyMeter(torch.device("cuda", 0)).used() is None
    assert EnergyMeter(torch.device("mps")).used() is None
