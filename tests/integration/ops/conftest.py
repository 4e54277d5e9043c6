"""A connected company as the exports' tests have it, and rows put into the tables by hand."""

from __future__ import annotations

from tests.integration.exports.conftest import payables as payables
from tests.integration.exports.conftest import rig as rig
from tests.integration.exports.conftest import sandbox_url as sandbox_url
