"""deploy/compose.yaml: what its services are given is there, and fits together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.dockerfile import stages
from tests.deploy.files import DEPLOY, ROOT, loaded
from tests.deploy.serving import asked, least_memory, mebibytes, seconds, value_of

COMPOSE: dict[str, Any] = loaded("compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVER = SERVICES["framesrv"]
SECRET = "/run/secrets/http_token"  # noqa: S105 - the name of a file


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """What is where in a container."""
    parts = [volume.split(":") for volume in service.get("volumes", ())]
    return {there: here for here, there, *_ in parts}


def test_the_server_starts_with_what_it_is_given(tmp_path: Path) -> None:
    done = asked(SERVER["command"], SERVER["environment"], tmp_path / "token", SECRET)
    assert (done.returncode, done.stderr) == (0, "")
    for name in SERVER["environment"]:
        assert f"# {name}\n" in done.stdout + "\n"


def test_it_asks_for_the_token_and_prometheus_has_it() -> None:
    assert value_of("--http-token-file", SERVER["command"]) == SECRET
    job = loaded("prometheus/prometheus.yml")["scrape_configs"][0]
    assert job["authorization"]["credentials_file"] == SECRET
    for name in ("framesrv", "prometheus"):
        assert "http_token" in SERVICES[name]["secrets"]


def test_prometheus_and_grafana_ask_where_somebody_listens() -> None:
    job = loaded("prometheus/prometheus.yml")["scrape_configs"][0]
    assert job["static_configs"] == [{"targets": ["framesrv:9464"]}]
    assert value_of("--http", SERVER["command"]).endswith(":9464")
    source = loaded("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    assert SERVICES["prometheus"]["ports"] == ["127.0.0.1:9090:9090"]


def test_prometheus_and_grafana_find_their_files() -> None:
    flags = dict(each.split("=", 1) for each in SERVICES["prometheus"]["command"])
    config = Path(flags["--config.file"])
    folder = DEPLOY / mounts(SERVICES["prometheus"])[str(config.parent)]
    assert (folder / config.name).is_file()
    assert all(
        (folder / name).is_file() for name in loaded("prometheus/prometheus.yml")["rule_files"]
    )
    grafana = mounts(SERVICES["grafana"])
    assert {path.name for path in (DEPLOY / grafana["/etc/grafana/provisioning"]).iterdir()} == {
        "dashboards", "datasources",
    }  # fmt: skip
    shown = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DEPLOY / grafana[shown]).is_file()
    provider = loaded("grafana/provisioning/dashboards/framesrv.yaml")["providers"][0]
    assert provider["options"]["path"] == str(Path(shown).parent)


def test_the_image_is_built_of_what_is_here() -> None:
    build = SERVER["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", list(SERVICES))
def test_a_service_is_locked_down(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert "privileged" not in service
    for port in service["ports"]:
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", list(SERVICES))
def test_a_service_has_a_health_check_and_a_version(name: str) -> None:
    if name == "framesrv":
        text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
        assert stages(text)[-1].all("HEALTHCHECK")
    else:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
        assert re.search(r":v?\d+\.\d+\.\d+$", SERVICES[name]["image"])


@pytest.mark.parametrize("name", list(SERVICES))
def test_what_a_service_is_mounted_or_told_is_there(name: str) -> None:
    service = SERVICES[name]
    for here in mounts(service).values():
        assert (DEPLOY / here).exists() if here.startswith(".") else here in COMPOSE["volumes"]
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    assert set(service.get("depends_on", ())) <= set(SERVICES)


def test_secrets_are_never_committed() -> None:
    folders = {Path(secret["file"]).parent for secret in COMPOSE["secrets"].values()}
    assert folders == {Path("secrets")}
    kept = (DEPLOY / "secrets" / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert kept[1:] == ["*", "!.gitignore"]


def test_the_limit_on_memory_fits_the_budget() -> None:
    own = SERVER["environment"]
    budget, in_flight = (
        int(own[name])
        for name in ("FRAMESRV_POOL_BUDGET_BYTES", "FRAMESRV_ENGINE_MAX_IN_FLIGHT_BYTES")
    )
    assert mebibytes(SERVER["mem_limit"]) >= least_memory(budget, in_flight)


def test_it_is_given_the_time_that_its_drain_may_take() -> None:
    grace = float(value_of("--grace", SERVER["command"]))
    assert seconds(SERVER["stop_grace_period"]) > grace
