"""The real Prometheus scrapes a server under load, by the configuration that is given to operators.

It and promtool come with Debian's package ``prometheus``; without them these tests are skipped.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
import yaml
from pictures import coded, encoded, picture, raw
from prometheus_process import WAIT_S, Prometheus, promtool, running_prometheus, tool
from server_process import ServerProcess, running_server
from stock_client import channel, stub_of

from framesrv.protocol.gen import frames_pb2 as pb

DEPLOY = Path(__file__).parents[1] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "framesrv.json").read_text(encoding="utf-8"))
TOKEN = "only-who-knows-this-may-scrape"  # noqa: S105
PANELS = {
    f"{panel['title']}, {target['refId']}, {panel['type']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
}
EXPRESSIONS = {
    rule.get("alert") or rule["record"]: rule["expr"]
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
# Nobody waits for a buffer in a server that is sized well: of nothing there is no quantile.
MAY_BE_NO_NUMBER = {"Wait for a buffer, p99, A, timeseries"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FRAMES = [
    *(encoded(coded(picture(320, 240, seed)), seed, trace_id=TRACE) for seed in range(3)),
    raw(bytes(64 * 48 * 3), 64, 48, pb.PIXEL_FORMAT_BGR24),
    encoded(b"\xff\xd8 not a picture"),
]
UNPLANNED = pb.ProcessBatchRequest(frames=FRAMES, pipeline=pb.Pipeline())


class Watched(NamedTuple):
    server: ServerProcess
    prometheus: Prometheus
    config: Path
    nobody: str  # a target at which nothing listens


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    tool("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    token = folder / "token"
    token.write_text(TOKEN + "\n")
    with (
        running_server("--http-token-file", str(token)) as server,
        loaded(server.grpc_address),
        nobody() as silent,
    ):
        config = configured(folder, token, [server.http_address, silent])
        flag = "--enable-feature=exemplar-storage"
        with running_prometheus(config, folder, flag) as prometheus:
            yield Watched(server, prometheus, config, silent)


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """An address that is taken, and refuses every connection."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{silent.getsockname()[1]}"


def configured(folder: Path, token: Path, targets: list[str]) -> Path:
    """deploy/prometheus/prometheus.yml, but these targets, and sooner."""
    given: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    given["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    given["rule_files"] = [str(RULES.with_name(name)) for name in given["rule_files"]]
    job = given["scrape_configs"][0]
    job["authorization"]["credentials_file"] = str(token)
    job["static_configs"] = [{"targets": targets}]
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(given))
    return config


@contextlib.contextmanager
def loaded(address: str) -> Iterator[None]:
    """Frames that are good and that are not, and calls that are refused, all the time."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def send() -> None:
        try:
            with channel(address) as line:
                stub = stub_of(line)
                while not stop.is_set():
                    stub.ProcessBatch(pb.ProcessBatchRequest(frames=FRAMES), timeout=WAIT_S)
                    with pytest.raises(grpc.RpcError):
                        stub.ProcessBatch(UNPLANNED, timeout=WAIT_S)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not failures, failures


def scraped(server: ServerProcess, **headers: str) -> str:
    asked = urllib.request.Request(server.http_url + "/metrics", headers=headers)  # noqa: S310
    with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:  # noqa: S310
        return str(answer.read().decode())


def in_grafana(expr: str) -> str:
    """As Grafana asks, with all of the choices at the top, in a window for short scrapes."""
    given = {"$__rate_interval": "10s", "$instance": ".*", "$pool": ".*"}
    for variable, value in given.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr
    return expr


def test_the_server_is_up_and_only_with_the_token(watched: Watched) -> None:
    up = f'up{{job="framesrv", instance="{watched.server.http_address}"}} == 1'
    watched.prometheus.until(lambda: watched.prometheus.samples(up), "the target is not up")
    with pytest.raises(urllib.error.HTTPError) as refused:
        scraped(watched.server)
    with refused.value:
        assert refused.value.code == 401


def test_promtool_finds_no_fault_in_the_metrics(watched: Watched) -> None:
    text = scraped(watched.server, Authorization=f"Bearer {TOKEN}")
    assert "framesrv_frames_total" in text
    assert promtool("check", "metrics", stdin=text) == (0, "")


def test_promtool_finds_no_fault_in_the_rules_and_the_configuration(watched: Watched) -> None:
    code, told = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert (code, "SUCCESS" in told) == (0, True), told
    code, told = promtool("check", "config", "--lint=all", "--lint-fatal", watched.config)
    assert (code, "FAILED" in told) == (0, False), told


def test_promtool_sees_every_alert_fire_and_not_fire() -> None:
    code, told = promtool("test", "rules", RULES.with_name("rules.test.yml"))
    assert code == 0, told


@pytest.fixture(scope="module")
def shown(watched: Watched) -> dict[str, bool]:
    """Whether a panel shows something; for some that takes a while, and all wait together."""
    found = dict.fromkeys(PANELS, False)

    def ask() -> bool:
        for name in [name for name, is_there in found.items() if not is_there]:
            data = watched.prometheus.samples(in_grafana(PANELS[name]))
            numbers = [each for each in data if not math.isnan(each.value)]
            found[name] = bool(data if name in MAY_BE_NO_NUMBER else numbers)
        return all(found.values())

    with contextlib.suppress(TimeoutError):  # each panel's own test says so
        watched.prometheus.until(ask, "a panel is empty")
    return found


@pytest.mark.parametrize("name", list(PANELS))
def test_a_panel_has_data(name: str, shown: dict[str, bool]) -> None:
    assert shown[name], in_grafana(PANELS[name])


def test_the_choices_of_the_dashboard_have_values(watched: Watched) -> None:
    for variable in DASHBOARD["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable.get("definition", ""))
        if asked is not None:
            query = in_grafana(asked[1])
            found = watched.prometheus.until(lambda: watched.prometheus.samples(query), query)  # noqa: B023
            assert all(sample.labels[asked[2]] for sample in found)


@pytest.mark.parametrize("name", list(EXPRESSIONS))
def test_a_rule_can_be_asked(name: str, watched: Watched) -> None:
    watched.prometheus.samples(EXPRESSIONS[name])


def test_the_rules_work_and_tell_the_servers_apart(watched: Watched) -> None:
    prometheus = watched.prometheus

    def evaluated() -> dict[str, Any]:
        groups = prometheus.api("rules")["groups"]
        found = {rule["name"]: rule for group in groups for rule in group["rules"]}
        return found if all(rule["health"] == "ok" for rule in found.values()) else {}

    found = prometheus.until(evaluated, f"a rule is not well: {prometheus.api('rules')}")
    assert set(found) == set(EXPRESSIONS)
    # Pending, unless all before this has taken long. On a busy machine a scrape of ours may be
    # late, too.
    down = 'ALERTS{alertname="FramesrvServerDown"}'
    alone = [watched.nobody]
    prometheus.until(
        lambda: [each.labels["instance"] for each in prometheus.samples(down)] == alone,
        "the silent target is not the only one that is missed",
    )
    # One frame in five of the load is broken, and that is seen.
    failing = 'ALERTS{alertname="FramesrvFramesFailing", reason="IMAGE_CORRUPT"}'
    prometheus.until(lambda: prometheus.samples(failing), "nobody sees that frames fail")
    assert prometheus.samples('ALERTS{alertname="FramesrvNoServer"}') == []
    assert prometheus.samples("instance_pool:framesrv_pool_hit_rate:ratio_rate5m")


def test_trace_ids_come_with_the_latencies(watched: Watched) -> None:
    prometheus, begun = watched.prometheus, time.time() - 60

    def exemplars() -> list[Any]:
        found = prometheus.api(
            "query_exemplars",
            query="framesrv_frame_stage_seconds_bucket",
            start=str(begun), end=str(time.time() + 60),
        )  # fmt: skip
        return [each for series in found for each in series["exemplars"]]

    found = prometheus.until(exemplars, "no bucket has an example")
    assert {each["labels"]["trace_id"] for each in found} == {TRACE}
