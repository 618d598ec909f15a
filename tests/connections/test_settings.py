"""Settings: from the environment, else from the sandbox, a source at a time; secrets are kept."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connections import Settings, SettingsError, load_settings

SANDBOX = {
    "warehouse_dsn": "postgresql://fusion_billing@127.0.0.1:54329/warehouse",
    "nexacloud_dsn": "postgresql://odoo_billing_ro@127.0.0.1:54329/nexacloud",
    "odoo_url": "http://127.0.0.1:18069",
    "odoo_db": "odoo",
    "odoo_user": "billing",
    "odoo_password": "billing",
    "as_of": "2026-06-03T12:00:00+00:00",
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the developer's environment nor a .env decides a test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "sandbox.json").write_text(json.dumps(SANDBOX))
    return tmp_path


def test_with_nothing_set_everything_points_at_the_sandbox(home: Path) -> None:
    settings = load_settings(billing_home=home)
    assert settings.dsn("warehouse") == SANDBOX["warehouse_dsn"]
    assert settings.odoo_password.get_secret_value() == "billing"
    assert settings.as_of == datetime(2026, 6, 3, 12, tzinfo=UTC)
    assert all(settings.is_sandbox(source) for source in ("warehouse", "nexacloud", "odoo"))


def test_a_configured_source_is_never_completed_from_the_sandbox(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODOO_URL", "https://odoo.example.com")
    settings = load_settings(billing_home=home)
    assert (settings.odoo_db, settings.odoo_password.get_secret_value()) == ("", "")
    assert not settings.is_sandbox("odoo")
    assert settings.is_sandbox("nexacloud")


def test_half_an_odoo_is_not_taken_for_the_sandbox(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who forgot ODOO_URL would load the sandbox's Odoo and believe it was theirs."""
    monkeypatch.setenv("ODOO_USER", "billing@example.com")
    monkeypatch.setenv("ODOO_PASSWORD", "s3cr3t-key")
    with pytest.raises(SettingsError, match="ODOO_USER, ODOO_PASSWORD set, ODOO_URL not") as error:
        load_settings(billing_home=home)
    assert "s3cr3t-key" not in str(error.value)


def test_a_real_nexacloud_is_looked_at_from_now(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXACLOUD_DSN", "host=db.example.com dbname=nexacloud")
    settings = load_settings(billing_home=home)
    assert settings.as_of > datetime(2026, 6, 4, tzinfo=UTC)
    assert settings.as_of is load_settings(billing_home=home).as_of


def test_keyword_arguments_go_before_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_AS_OF", "2026-07-01T00:00:00+00:00")
    assert load_settings(billing_home=home).as_of == datetime(2026, 7, 1, tzinfo=UTC)
    given = load_settings(billing_home=home, billing_as_of=datetime(2026, 8, 1, tzinfo=UTC))
    assert given.as_of == datetime(2026, 8, 1, tzinfo=UTC)


def test_an_instant_without_a_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BILLING_AS_OF needs a time zone"):
        load_settings(billing_home=tmp_path, billing_as_of=datetime(2026, 8, 1))  # noqa: DTZ001


def test_nothing_configured_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"run `billing up` or set WAREHOUSE_DSN"):
        load_settings(billing_home=tmp_path).dsn("warehouse")


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://fusion:p%40ss@db.example.com:6543/dwh?sslmode=require",
        "host=db.example.com port=6543 user=fusion password=p@ss dbname=dwh sslmode=require",
    ],
    ids=["uri", "key=value"],
)
def test_dbt_gets_the_parts_of_either_kind_of_dsn(tmp_path: Path, dsn: str) -> None:
    environment = load_settings(billing_home=tmp_path, warehouse_dsn=dsn).dbt_environment()
    assert environment["WAREHOUSE_HOST"] == "db.example.com"
    assert environment["WAREHOUSE_PORT"] == "6543"
    assert environment["WAREHOUSE_USER"] == "fusion"
    assert environment["WAREHOUSE_PASSWORD"] == "p@ss"
    assert environment["WAREHOUSE_DBNAME"] == "dwh"
    assert environment["WAREHOUSE_SSLMODE"] == "require"
    assert environment["PGTZ"] == "UTC"
    # What is filled and never read protects nobody: a demand for TLS once was not.
    profiles = Path(__file__).parents[2] / "dbt_project" / "profiles.yml"
    read = set(re.findall(r"env_var\('(\w+)'", profiles.read_text()))
    filled = {name for name in environment if name.startswith("WAREHOUSE_")}
    assert read == filled | {"BILLING_SCHEMA_PREFIX", "BILLING_SCHEMA_SUFFIX"}


def test_no_password_is_shown_by_settings_or_by_their_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(
        billing_home=tmp_path,
        warehouse_dsn="postgresql://u:hunter2@h/d",
        odoo_password="hunter3",
    )
    assert "hunter" not in repr(settings) + str(settings)
    broken = load_settings(billing_home=tmp_path, warehouse_dsn="postgresql//u:hunter2@h/d x")
    with pytest.raises(SettingsError, match="WAREHOUSE_DSN does not parse") as error:
        broken.dsn_parts("warehouse")
    assert "hunter" not in str(error.value)
    assert error.value.__cause__ is None
    broken = load_settings(billing_home=tmp_path, dashboard_reader_dsn="postgresql//u:hunter5@h x")
    with pytest.raises(SettingsError, match="DASHBOARD_READER_DSN does not parse") as error:
        broken.page_dsn("reader")
    assert "hunter" not in str(error.value)
    monkeypatch.setenv("ODOO_COMPANY_ID", "hunter4")
    with pytest.raises(SettingsError, match="ODOO_COMPANY_ID") as error:
        load_settings(billing_home=tmp_path)
    assert "hunter" not in str(error.value)


def test_a_named_secret_comes_from_the_environment_or_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(billing_home=tmp_path)
    with pytest.raises(SettingsError, match="NEXACLOUD_WEBHOOK_SECRET is not set"):
        settings.secret("NEXACLOUD_WEBHOOK_SECRET")
    monkeypatch.setenv("NEXACLOUD_WEBHOOK_SECRET", "s3cret")
    assert settings.secret("NEXACLOUD_WEBHOOK_SECRET").get_secret_value() == "s3cret"


def test_a_prefix_goes_before_dbts_schemas(tmp_path: Path) -> None:
    settings = load_settings(billing_home=tmp_path, billing_schema_prefix="what_if_")
    assert settings.schema("marts") == "what_if_marts"
    with pytest.raises(SettingsError, match="BILLING_SCHEMA_PREFIX"):
        load_settings(billing_home=tmp_path, billing_schema_prefix='"; drop')


def test_a_broken_sandbox_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "sandbox.json").write_text("{")
    with pytest.raises(SettingsError, match=r"sandbox\.json cannot be read"):
        load_settings(billing_home=tmp_path)


def test_json_rpc_is_spoken_unless_json2_is_asked_for(tmp_path: Path) -> None:
    assert load_settings(billing_home=tmp_path).odoo_api == "jsonrpc"
    assert load_settings(billing_home=tmp_path, odoo_api="json2").odoo_api == "json2"
    with pytest.raises(SettingsError, match="ODOO_API"):
        load_settings(billing_home=tmp_path, odoo_api="xmlrpc")
