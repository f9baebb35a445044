from __future__ import annotations

import pytest

from components.encoders.hashing import Hashing
from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.naive import Naive
from tests.contracts.encoder import EncoderContract

pytestmark = pytest.mark.usefixtures("one_thread")


class TestNaive(EncoderContract):
    @pytest.fixture(params=["auto", "fp32"])
    def encoder(self, request: pytest.FixtureRequest) -> Naive:
        return Naive(precision=request.param)


class TestNaiveWithAHeader(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Naive:
        return Naive(precision="fp32", header="{title} ({source})")


class TestNaiveOfTheFirstLayers(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Naive:
        return Naive(precision="fp32", layers=2)


class TestLate(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Late:
        return Late()


class TestLateInManyWindowsMixed(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Late:
        return Late(precision="fp32", window=16, overlap=6, mix=0.3, header="{title}, {source}")


class TestLandmark(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Landmark:
        return Landmark(precision="fp32", window=24, overlap=8)


class TestLandmarkSmoothed(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Landmark:
        return Landmark(precision="fp32", window=24, min_context=6, smoothing=2)


class TestHashing(EncoderContract):
    @pytest.fixture(params=["", "{title} {year}"])
    def encoder(self, request: pytest.FixtureRequest) -> Hashing:
        return Hashing(width=512, header=request.param)
