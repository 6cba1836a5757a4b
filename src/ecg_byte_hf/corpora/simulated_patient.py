"""Who the simulated patients are: what stays the same from one of their ECGs to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import simulated_heart as heart

Split = Literal["train", "validation", "test"]

_PATIENTS_PER_BLOCK, _RECORDS_PER_BLOCK = 2, 3
_SPLIT_BLOCK = 10


@dataclass(frozen=True)
class Patient:
    """What the records of one patient have in common.

    `leads` float64 (8, 3) are lead vectors; `p`, `qrs` (waves, 3) and `t` (3,) dipoles in mV;
    `pr_s` is the PR interval at rest, `jt_corrected_s` QTc less the QRS. Classes as in the truth.
    """

    patient_id: str
    split: Split
    sex: Literal["female", "male"]
    age: float
    bundle_branch_block: str
    voltage: str
    axis: str
    leads: NDArray[np.float64]
    p: NDArray[np.float64]
    qrs: NDArray[np.float64]
    t: NDArray[np.float64]
    qrs_s: float
    pr_s: float
    jt_corrected_s: float


def generator(seed: int, *key: int) -> np.random.Generator:
    """A generator of its own for every key of a seed."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def choice(rng: np.random.Generator, shares: dict[str, float]) -> str:
    """One of the keys of `shares`, each as likely as its value."""
    return str(rng.choice(list(shares), p=list(shares.values())))


def patient_of_record(seed: int, index: int) -> Patient:
    """The patient of record `index`: of each three records two are the same patient's."""
    block, place = divmod(index, _RECORDS_PER_BLOCK)
    return _patient(seed, _PATIENTS_PER_BLOCK * block + min(place, 1))


def _patient(seed: int, number: int) -> Patient:
    rng = generator(seed, 0, number)
    block = choice(rng, {"none": 0.5, "left": 0.25, "right": 0.25})
    # The Sokolow-Lyon index says nothing about hypertrophy where conduction is blocked.
    voltage = choice(
        rng,
        {"normal": 0.28, "high": 0.52, "low": 0.20}
        if block == "none"
        else {"normal": 0.68, "low": 0.32},
    )
    if voltage == "high":
        axis = choice(rng, {"normal": 0.55, "left": 0.45})
    elif block == "left":
        axis = choice(rng, {"normal": 0.45, "left": 0.45, "right": 0.1})
    else:
        axis = choice(rng, {"normal": 0.3, "left": 0.1, "right": 0.6})
    sex: Literal["female", "male"] = "female" if rng.random() < 0.5 else "male"

    leads = heart.DOWER * np.exp(0.05 * rng.standard_normal((8, 1)))
    # Electrodes are never quite where they should be.
    leads[2:] += 0.05 * rng.standard_normal((6, 3))
    return Patient(
        patient_id=f"sim{seed}-p{number:06d}",
        split=_split(seed, number),
        sex=sex,
        age=float(rng.integers(18, 91)),
        bundle_branch_block=block,
        voltage=voltage,
        axis=axis,
        leads=leads,
        p=heart.shaken([wave[0] for wave in heart.P_WAVES], rng),
        qrs=heart.shaken([wave[0] for wave in heart.QRS_WAVES[block]], rng),
        t=heart.shaken([heart.T_DIPOLES[block]], rng, 0.18)[0],
        qrs_s=rng.uniform(0.078, 0.100) if block == "none" else rng.uniform(0.132, 0.165),
        pr_s=rng.uniform(0.135, 0.195),
        # QTc 390 to 440 ms less 90 ms of QRS; women's is 10 ms longer.
        jt_corrected_s=rng.uniform(0.300, 0.340) + (0.010 if sex == "female" else 0.0),
    )


def _split(seed: int, number: int) -> Split:
    """Of each ten patients eight train, one validates, one tests."""
    block, place = divmod(number, _SPLIT_BLOCK)
    rank = int(generator(seed, 2, block).permutation(_SPLIT_BLOCK)[place])
    return "validation" if rank == 0 else "test" if rank == 1 else "train"
