# ruff: noqa: S101
"""What a person meets who connects the ERP: a form, a test of the access, a list of companies."""

from __future__ import annotations

import json

import pytest

from ledgerbridge.erp.adapter import SettingKind, SettingsError
from ledgerbridge.erp.conformance.bench import Bench


class Connecting:
    """What a person meets who connects the ERP."""

    async def test_the_form_asks_for_all_settings_and_knows_the_secret_ones(self, bench: Bench) -> None:
        form = bench.adapter.form()
        names = [one.name for one in form]
        assert len(set(names)) == len(names)
        asked = [one for one in form if one.when is None or bench.settings.get(one.when[0]) == one.when[1]]
        assert {one.name for one in asked if one.required} <= bench.settings.keys() <= set(names)
        assert {one.name for one in form if one.kind is SettingKind.SECRET} == bench.adapter.secret_fields()
        assert sum(one.kind is SettingKind.COMPANY for one in form) <= 1
        assert not any(one.place and one.kind is SettingKind.SECRET for one in form)
        assert all(one.label and one.label == one.label.strip() for one in form)

    async def test_settings_that_were_checked_are_taken_again_as_they_are(self, bench: Bench) -> None:
        """They are stored as checked, and checked again at every opening."""
        good = bench.adapter.check_settings(bench.settings)
        assert bench.adapter.check_settings(good) == good
        assert json.loads(json.dumps(good)) == good
        assert bench.adapter.secret_fields() & good.keys() == bench.adapter.secret_fields() & bench.settings.keys()

    async def test_a_good_access_shows_the_companies_to_choose_from(self, bench: Bench) -> None:
        form = bench.adapter.form()
        chosen = next((one.name for one in form if one.kind is SettingKind.COMPANY), None)
        found = await bench.adapter.companies({name: value for name, value in bench.settings.items() if name != chosen})
        assert [one.name for one in found] == sorted((one.name for one in found), key=str.casefold)
        assert len({one.id for one in found}) == len(found)
        (ours,) = (one for one in found if one.name == bench.facts.name)
        assert (ours.registration_number, ours.currency) == (bench.facts.registration_number, bench.facts.currency)
        if chosen:
            settings = bench.adapter.check_settings(bench.settings | {chosen: ours.id})
            assert settings == bench.adapter.check_settings(bench.settings)
        async with bench.opened() as erp:
            assert await erp.company() == ours, (
                "the list and the opened company must name it the same, or pinning fails"
            )

    async def test_a_faulty_access_is_told_beside_its_field(self, bench: Bench) -> None:
        assert bench.refused_access, "the bench names no settings with a fault"
        seen = {}
        for wrong, (settings, _) in bench.refused_access.items():
            with pytest.raises(SettingsError) as caught:
                await bench.adapter.companies(settings)
            seen[wrong] = list(caught.value.errors)
            assert all(text.endswith(".") for text in caught.value.errors.values())
            secrets = [settings[name] for name in bench.adapter.secret_fields() if settings.get(name)]
            assert not any(str(secret) in str(caught.value) for secret in secrets)
        assert seen == {wrong: [field] for wrong, (_, field) in bench.refused_access.items()}
