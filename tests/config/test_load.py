"""Flags over variables over the file over defaults; all faults at once; sealed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from framesrv.app import AppSettings
from framesrv.config import load
from framesrv.config.rooms import FLAGS, FOLLOWS, ROOMS, all_settings
from framesrv.errors import BadConfig
from framesrv.observability.http.settings import HttpAddress
from framesrv.observability.logs.settings import LogLevel
from framesrv.pool import DebugLevel
from framesrv.transport.address import Address
from tests.config.helpers import faults_of, loaded


class TestOrder:
    def test_nothing_said_is_the_defaults(self) -> None:
        settings = loaded().settings
        rooms = {room.name: getattr(settings, room.name) for room in dataclasses.fields(settings)}
        plain = AppSettings()
        for name in ("engine", "images", "pipeline", "wire", "streams", "transport"):
            assert rooms[name] == getattr(plain, name)
        assert settings.http is not None
        assert str(settings.http.address) == "127.0.0.1:9464"
        assert settings.default_pipeline == plain.default_pipeline

    def test_each_goes_before_the_next(self, tmp_path: Path) -> None:
        toml = "[engine]\nworkers = 2\nmax_in_flight_frames = 20\npool_wait_s = 0.5\n"
        environ = {"FRAMESRV_WORKERS": "3", "FRAMESRV_ENGINE_MAX_IN_FLIGHT_FRAMES": "30"}
        read = loaded(toml, environ, {"engine.workers": "4"}, folder=tmp_path)
        engine = read.settings.engine
        assert (engine.workers, engine.max_in_flight_frames, engine.pool_wait_s) == (4, 30, 0.5)
        assert read.origins == {
            "engine.workers": "--workers",
            "engine.max_in_flight_frames": "FRAMESRV_ENGINE_MAX_IN_FLIGHT_FRAMES",
            "engine.pool_wait_s": f"{tmp_path}/framesrv.toml",
        }

    def test_the_file_may_be_named_by_a_variable(self, tmp_path: Path) -> None:
        (tmp_path / "f.toml").write_text("[log]\nlevel = 'debug'\n")
        read = load({}, {"FRAMESRV_CONFIG": str(tmp_path / "f.toml")})
        assert read.log.level is LogLevel.DEBUG

    def test_a_list_replaces_a_list(self, tmp_path: Path) -> None:
        toml = '[transport]\nlisten = ["127.0.0.1:1", "unix:/tmp/x"]\n'
        read = loaded(toml, flags={"transport.listen": ["[::1]:5"]}, folder=tmp_path)
        assert read.settings.transport.listen == (Address("::1", 5),)
        read = loaded(toml, {"FRAMESRV_LISTEN": "127.0.0.1:2,127.0.0.1:3"}, folder=tmp_path)
        assert [a.port for a in read.settings.transport.listen] == [2, 3]

    def test_http_off(self) -> None:
        settings = loaded(environ={"FRAMESRV_HTTP": "off"}).settings
        assert settings.http is not None
        assert settings.http.address is None

    def test_the_wire_follows_the_pipeline(self, tmp_path: Path) -> None:
        read = loaded("[pipeline]\nmax_outputs = 3\nmax_ops = 5\n", folder=tmp_path)
        assert (read.settings.wire.max_outputs, read.settings.wire.max_ops) == (3, 5)


class TestPools:
    def test_the_table_means_what_the_variables_mean(self, tmp_path: Path) -> None:
        toml = (
            "[pool]\ndebug = 'poison'\nbudget_bytes = 400_000_000\njson_capacity = 9\n"
            "[pool.rgba_320]\ncapacity = 3\nwarm = 1\n"
        )
        pools = loaded(toml, {"FRAMESRV_POOL_JSON_CAPACITY": "7"}, folder=tmp_path).settings.pools
        assert pools.debug is DebugLevel.POISON
        assert pools.budget_bytes == 400_000_000
        assert pools.pools["rgba_320"] == {"capacity": 3, "warm": 1}
        assert pools.pools["json"]["capacity"] == 7

    def test_faults_say_where_it_stands(self, tmp_path: Path) -> None:
        toml = "[pool.rgba_320]\ncapacity = 0\n[pool.jpg]\nwarm = 1\n"
        faults = faults_of(toml, {"FRAMESRV_POOL_JSON_WARM": "-1"}, folder=tmp_path)
        assert set(faults) == {
            "FRAMESRV_POOL_JSON_WARM is '-1' and must be a whole number of at least 0",
            "pool.rgba_320.capacity is '0' and must be a whole number of at least 1",
            "pool.jpg.warm is not a variable of the pools; did you mean FRAMESRV_POOL_JPEG_WARM?",
        }

    def test_no_table_at_all(self, tmp_path: Path) -> None:
        assert faults_of("pool = 3", folder=tmp_path) == ["pool must be a table: [pool]"]


class TestFaults:
    def test_all_at_once(self, tmp_path: Path) -> None:
        faults = faults_of(
            "speed = 1\nengine = 3\n[streams]\nmax_stream = 1\nmax_streams = 0\n",
            {"FRAMESRV_GRACE": "never", "FRAMESRV_ENGINE_WORKERS": "2"},
            {
                "engine.workers": "1000",
                "transport.listen": ["0.0.0.0:1", "x"],
                "processors": ["a=nowhere.at.all:b"],
                "transport.tls_key": str(tmp_path / "key"),
            },
            folder=tmp_path,
        )
        text = "\n".join(faults)
        for told in (
            "speed is not a setting",
            "engine must be a table",
            "streams.max_stream is not a setting; did you mean streams.max_streams?",
            "streams.max_streams is 0 and must be a whole number from 1 to 100000; the nearest",
            "FRAMESRV_GRACE is 'never'",
            "FRAMESRV_ENGINE_WORKERS is not a variable of framesrv; did you mean",
            "--workers is '1000' and must be a whole number from 1 to 256",
            "the nearest that works is 256",
            "--listen: 'x' is not an address",
            "processor a: importing 'nowhere.at.all' failed",
            "--tls-cert and --tls-key go together",
        ):
            assert told in text, told

    def test_a_file_that_is_not_there_or_not_toml(self, tmp_path: Path) -> None:
        with pytest.raises(BadConfig, match=r"--config .*gone.toml cannot be read: no such file"):
            load({}, {}, tmp_path / "gone.toml")
        with pytest.raises(BadConfig, match=r"FRAMESRV_CONFIG .* cannot be read: is a directory"):
            load({}, {"FRAMESRV_CONFIG": str(tmp_path)})
        assert "is not TOML" in faults_of("[engine", folder=tmp_path)[0]
        (tmp_path / "latin").write_bytes(b"a = '\xe9'")
        with pytest.raises(BadConfig, match="not a text in UTF-8"):
            load({}, {}, tmp_path / "latin")

    def test_faults_are_bounded(self, tmp_path: Path) -> None:
        faults = faults_of("".join(f"x{n} = 1\n" for n in range(500)), folder=tmp_path)
        assert len(faults) == 51
        assert faults[-1] == "and 450 more"

    def test_kubernetes_may_tell_of_its_services(self) -> None:
        loaded(
            environ={
                "FRAMESRV_SERVICE_HOST": "10.0.0.1",
                "FRAMESRV_SERVICE_PORT_GRPC": "50051",
                "FRAMESRV_PORT": "tcp://10.0.0.1:50051",
                "FRAMESRV_HTTP_PORT": "tcp://10.0.0.1:9464",
                "FRAMESRV_PORT_50051_TCP_ADDR": "10.0.0.1",
            }
        )
        assert faults_of(environ={"FRAMESRV_PORT": "50051"})

    def test_certificates_that_are_none(self, tmp_path: Path) -> None:
        for name in ("cert", "key", "ca"):
            (tmp_path / name).write_text("hello")
        flags = {f"transport.tls_{n}": str(tmp_path / n) for n in ("cert", "key")}
        faults = faults_of(flags=flags | {"transport.tls_client_ca": str(tmp_path / "ca")})
        assert len(faults) == 2
        assert "must be a certificate and its key" in faults[0]
        assert "must be certificates in PEM" in faults[1]


class TestPublicHttp:
    def test_it_takes_a_token_or_a_word(self, tmp_path: Path) -> None:
        flags: dict[str, object] = {"http.address": "0.0.0.0:0"}
        (fault,) = faults_of(flags=flags)
        assert "--insecure-public" in fault
        assert "--http-token-file" in fault
        (tmp_path / "token").write_text("open-sesame")
        for more in (
            {"http.token_file": str(tmp_path / "token")},
            {"transport.insecure_public": True},
        ):
            http = loaded(flags=flags | more).settings.http
            assert http is not None
            assert http.is_public

    @pytest.mark.parametrize("host", ["http://a.example", "a.example:80", "a b", "x" * 254])
    def test_a_host_that_is_no_name(self, host: str) -> None:
        (fault,) = faults_of(environ={"FRAMESRV_HTTP_HOSTS": host})
        assert "is not the name of a host" in fault
        assert len(fault) < 400

    @pytest.mark.parametrize("text", ["", " \n", "two words", "ü" * 20])
    def test_a_token_that_is_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "token").write_text(text, encoding="utf-8")
        (fault,) = faults_of(flags={"http.token_file": str(tmp_path / "token")})
        assert "must hold one token" in fault
        assert text.strip() == "" or text not in fault

    def test_a_token_file_that_is_not_there(self, tmp_path: Path) -> None:
        (fault,) = faults_of(flags={"http.token_file": str(tmp_path / "gone")})
        assert "cannot be read" in fault


class TestSealed:
    def test_nothing_can_be_changed(self) -> None:
        read = loaded()
        with pytest.raises(dataclasses.FrozenInstanceError):
            read.settings.engine.workers = 3  # type: ignore[misc]
        with pytest.raises(dataclasses.FrozenInstanceError):
            read.settings.engine = read.settings.engine  # type: ignore[misc]
        with pytest.raises(TypeError):
            read.settings.pipelines["x"] = read.settings.default_pipeline  # type: ignore[index]

    def test_names_are_unique_and_flags_and_follows_exist(self) -> None:
        settings = all_settings()
        assert len({setting.variable for setting in settings.values()}) == len(settings)
        assert set(FLAGS) <= set(settings)
        assert not set(FOLLOWS) & set(settings)
        assert set(FOLLOWS.values()) <= set(settings)

    def test_every_setting_is_explained_and_every_number_has_a_least(self) -> None:
        for setting in all_settings().values():
            assert setting.help, setting.name
            if setting.hint in (int, float):
                assert setting.least is not None, setting.name
                assert setting.default >= setting.least
                assert setting.most is None or setting.default <= setting.most

    def test_every_room_is_frozen(self) -> None:
        assert all(kind.__dataclass_params__.frozen for kind in ROOMS.values())  # type: ignore[attr-defined]

    def test_an_address_of_http(self) -> None:
        assert HttpAddress.parse("localhost:1").is_loopback
        assert not HttpAddress.parse("example.org:1").is_loopback
