"""Every flavor of a large library keeps the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.models.libraries.cases import CASES
from tests.models.libraries.conftest import OtherProcess
from trackway.testing.flavors import FlavorCase, FlavorContract

pytestmark = [pytest.mark.libraries, pytest.mark.filterwarnings("default")]


class TestFlavors(FlavorContract):
    @pytest.fixture(params=CASES)
    def case(self, request: pytest.FixtureRequest) -> FlavorCase:
        return CASES[request.param]()

    @pytest.fixture
    def run_elsewhere(self, other_process: OtherProcess) -> Callable[..., Any]:
        return other_process.run
