"""The multiply-adds of a model, and the number of threads chosen from them."""

import os

import torch
from torch import nn

from nnlab.engine.device import MULTIPLY_ADDS_PER_THREAD, choose_thread_count
from nnlab.engine.flops import count_multiply_adds

CPU = torch.device("cpu")


def test_multiply_adds_of_a_case_worked_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),  # 8x8 places, 4 x 9 weights
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    assert count_multiply_adds(model, torch.zeros(5, 1, 8, 8)) == 64 * 36 + 640


def test_counting_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    assert count_multiply_adds(model, torch.ones(4, 3)) == 9
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_thread_for_each_share_of_work_and_one_at_least() -> None:
    assert choose_thread_count(CPU, 0) == 1
    assert choose_thread_count(CPU, 2 * MULTIPLY_ADDS_PER_THREAD - 1) == 1
    assert choose_thread_count(CPU, 10**18) == len(os.sched_getaffinity(0))
    assert choose_thread_count(torch.device("meta"), 10**18) == 1
