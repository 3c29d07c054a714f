"""Web servers: nginx and Apache, as their files set them up."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from deploy.demo.recorded_host import RecordedHost
from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LIMIT, FileStat, LocalHost
from verbundwacht_agent.probes.conf import apache, nginx
from verbundwacht_agent.probes.web import apache_protocols, apache_sites, nginx_sites, probe
from verbundwacht_wire.facts import Web
from verbundwacht_wire.facts.servers import WebSite

NGINX = "/etc/nginx/nginx.conf"


def web(host: RecordedHost) -> Web:
    body = probe(host).body
    assert isinstance(body, Web)
    return body


def site(text: str) -> WebSite:
    (found,) = nginx_sites(nginx.parse(text))
    return found


def with_apache(config: str, **files: str) -> RecordedHost:
    """ubuntu2204 with another main file; names of further ones without their folder."""
    host = RecordedHost.named("ubuntu2204").with_file("/etc/apache2/apache2.conf", config)
    for name, text in files.items():
        host = host.with_file(f"/etc/apache2/{name}.conf", text)
    return host


def test_every_server_block_stands_for_itself_and_takes_over_what_http_says() -> None:
    found = web(RecordedHost.named("debian12"))

    assert found.servers == ("nginx",)
    plain, tls = found.sites
    assert (plain.listen, plain.tls, plain.version_shown) == (("80", "[::]:80"), False, True)
    assert (tls.name, tls.tls, tls.version_shown) == ("www.rathaus.example", True, False)
    assert tls.protocols == ("TLSv1.2", "TLSv1.3")
    assert tls.ciphers and tls.ciphers[-1] == "!aNULL"


def test_a_block_without_protocols_of_its_own_has_those_of_http() -> None:
    text = "http { server { listen 443 ssl; } ssl_protocols TLSv1 TLSv1.3; }"

    assert site(text).protocols == ("TLSv1", "TLSv1.3")


def test_what_nobody_set_is_left_out_and_not_guessed() -> None:
    found = site("http { server { listen 443 ssl; } }")

    assert (found.protocols, found.ciphers, found.version_shown) == (None, None, True)


def test_only_what_is_loaded_counts_in_apache() -> None:
    """The host for gnutls stands in a container whose module nobody loads."""
    found = web(RecordedHost.named("ubuntu2204"))

    assert found.servers == ("apache",)
    assert [(s.listen, s.tls) for s in found.sites] == [
        (("*:80",), False),
        (("*:443", "[::]:443"), True),
    ]
    assert {s.name for s in found.sites} == {"buergerportal.example"}
    assert found.sites[1].protocols == ("TLSv1.2", "TLSv1.3")
    assert found.sites[1].ciphers == ("HIGH", "!aNULL")


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("all -SSLv3", ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")),
        ("all -SSLv3 -TLSv1 -TLSv1.1", ("TLSv1.2", "TLSv1.3")),
        ("-all +TLSv1.2", ("TLSv1.2",)),
        ("TLSv1.2", ("TLSv1.2",)),
        ("+TLSv1.1 +TLSv1.2", ("TLSv1.1", "TLSv1.2")),
        ("all +SSLv3", ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")),
        ("nonsense", ()),
    ],
)
def test_protocols_of_apache_add_and_remove_from_left_to_right(
    words: str, left: tuple[str, ...]
) -> None:
    assert apache_protocols(tuple(words.split())) == left


@pytest.mark.parametrize("tokens", ["Prod", "ProductOnly"])
def test_apache_hides_its_version_only_where_it_names_the_product_alone(tokens: str) -> None:
    (hidden,) = apache_sites(apache.load(with_apache(f"Listen 80\nServerTokens {tokens}\n")))
    (shown,) = apache_sites(apache.load(with_apache("Listen 80\nServerTokens Major\n")))

    assert (hidden.version_shown, shown.version_shown) == (False, True)
    assert hidden.listen == ("80",)


def test_the_files_of_a_removed_package_are_no_server() -> None:
    host = RecordedHost.named("debian12").without("/usr/sbin/nginx")

    with pytest.raises(Unavailable) as error:
        probe(host)

    assert (error.value.status, error.value.reason) == ("absent", "no_web_server")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http { server {", "bad_config"),
        ("}", "bad_config"),
        ('a "open;', "bad_config"),
        ("{" * 50 + "}" * 50, "bad_config"),
        ("http { include nowhere.conf; }", "include_missing"),
        ("include nginx.conf;", "too_many_includes"),
        ("include *.conf; include *.conf;", "too_many_includes"),
    ],
)
def test_a_configuration_that_nginx_would_refuse_has_a_reason(text: str, reason: str) -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian12").with_file(NGINX, text))

    assert (error.value.status, error.value.reason) == ("failed", reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("Include nowhere.conf", "include_missing"), ("Include apache2.conf", "too_many_includes")],
)
def test_includes_of_apache_that_cannot_end_have_a_reason(text: str, reason: str) -> None:
    with pytest.raises(Unavailable) as error:
        probe(with_apache(text))

    assert error.value.reason == reason


def test_an_installed_server_without_its_configuration_is_a_failure() -> None:
    with pytest.raises(Unavailable) as error:
        probe(RecordedHost.named("debian12").without("/etc/nginx"))

    assert error.value.reason == "config_missing"


def test_one_included_file_that_may_not_be_read_denies_the_section() -> None:
    """Half of the sites would look like all of them."""
    host = RecordedHost.named("debian12").denying("/etc/nginx/sites-enabled/rathaus")

    with pytest.raises(Unavailable) as error:
        probe(host)

    assert error.value.status == "denied"


def test_a_folder_that_is_included_gives_all_its_files() -> None:
    host = with_apache("Include teile/\n").with_file("/etc/apache2/teile/a", "Listen 81\n")

    assert [line.args for line in apache.load(host).lines] == [("81",)]


def test_what_a_location_says_is_not_about_the_server() -> None:
    config = '<Location "/x">\nSSLEngine on\n<IfModule mod_so.c>\nServerName no\n</IfModule>\n'

    assert apache.load(with_apache(f"{config}</Location>\n")).lines == ()


def test_the_branch_for_what_is_not_defined_is_the_one_that_counts() -> None:
    config = (
        "<IfDefine !X>\nDefine X 1\nListen 81\n</IfDefine>\n<IfDefine X>\nListen ${X}\n</IfDefine>"
    )

    assert [line.args for line in apache.load(with_apache(config)).lines] == [("81",), ("1",)]


PIECES = [
    "http",
    "server",
    "listen",
    " ",
    ";",
    "{",
    "}",
    '"',
    "'",
    "\\",
    "#",
    "\n",
    "a_by_lua_block",
]


@given(st.lists(st.sampled_from([*PIECES, "${x", "--", "é"]), max_size=30).map("".join))
def test_any_text_is_a_tree_or_broken(text: str) -> None:
    try:
        nginx_sites(nginx.parse(text))
    except Unavailable as error:
        assert error.reason == "bad_config"


@given(
    st.lists(
        st.sampled_from(
            ["<IfModule x>", "</IfModule>", "<VirtualHost *>", "Listen 1", "\n", "\\\n", "<", '"']
        ),
        max_size=20,
    ).map("".join)
)
def test_any_text_is_a_configuration_of_apache(text: str) -> None:
    apache_sites(apache.load(with_apache(text)))


class Moved(LocalHost):
    """This machine, with one folder replaced by another."""

    def __init__(self, folder: str, by: Path) -> None:
        self._folder, self._by = folder, str(by)

    def _path(self, path: str) -> str:
        rest = path.removeprefix(self._folder)
        return path if rest == path else self._by + rest

    def read_bytes(self, path: str, limit: int = LIMIT) -> bytes:
        return super().read_bytes(self._path(path), limit)

    def list_dir(self, path: str) -> tuple[str, ...]:
        return super().list_dir(self._path(path))

    def stat(self, path: str) -> FileStat:
        return super().stat(self._path(path))


def test_the_real_nginx_reads_the_same_server_blocks(tmp_path: Path) -> None:
    """`nginx -T` prints every file it reads; ours must find each `listen` of them."""
    assert Path("/usr/sbin/nginx").exists(), "install nginx first"
    shutil.copytree("/etc/nginx", tmp_path / "nginx", symlinks=True)
    main = tmp_path / "nginx/nginx.conf"
    text = re.sub(r"^(user|pid|error_log) .*", "", main.read_text(), flags=re.MULTILINE)
    text = text.replace("/etc/nginx", f"{tmp_path}/nginx").replace("/var/log/nginx", str(tmp_path))
    main.write_text(f"pid {tmp_path}/pid; error_log {tmp_path}/e.log; {text}")
    (tmp_path / "nginx/conf.d/eigen.conf").write_text(
        "server { listen 127.0.0.1:4430; server_name eins.example; server_tokens off; }\n"
        "server { listen 127.0.0.1:4431; include conf.d/teil[a-c].inc; }\n"
    )
    (tmp_path / "nginx/conf.d/teilb.inc").write_text('server_name "zwei.example";\n')
    done = subprocess.run(
        ["/usr/sbin/nginx", "-T", "-c", main], capture_output=True, text=True, check=True
    )
    listens = [d for d in nginx.walk(nginx.parse(done.stdout)) if d.name == "listen"]

    sites = nginx_sites(nginx.load(Moved("/etc/nginx", tmp_path / "nginx")))

    assert sorted(d.args[0] for d in listens) == sorted(a for s in sites for a in s.listen)
    assert {"eins.example", "zwei.example"} <= {s.name for s in sites}


def test_the_real_apache_has_the_same_virtual_hosts(tmp_path: Path) -> None:
    """Debian's own files with its TLS site switched on, as `a2enmod ssl` does it."""
    assert Path("/usr/sbin/apache2").exists(), "install apache2 first"
    root = tmp_path / "apache2"
    shutil.copytree("/etc/apache2", root, symlinks=True)
    for kind, name in (
        ("mods", "ssl.load"),
        ("mods", "ssl.conf"),
        ("mods", "socache_shmcb.load"),
        ("mods", "setenvif.load"),
    ):
        link = root / f"{kind}-enabled/{name}"
        if not link.exists():
            link.symlink_to(f"../{kind}-available/{name}")
    tls = (root / "sites-available/default-ssl.conf").read_text()
    (root / "sites-enabled/tls.conf").write_text(re.sub(r"SSLCertificate\S+ .*", "", tls))
    done = subprocess.run(
        ["/usr/sbin/apachectl", "-t", "-D", "DUMP_VHOSTS"],
        env={"APACHE_CONFDIR": str(root), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    theirs = re.findall(r"^(?:\s+port \d+ namevhost|(\S+:\d+)) ", done.stdout, re.MULTILINE)

    sites = apache_sites(apache.load(Moved("/etc/apache2", root)))

    assert done.returncode == 0, done.stderr
    assert sorted(filter(None, theirs)) == sorted(a for s in sites for a in s.listen)
    assert {s.listen: s.tls for s in sites} == {("*:80",): False, ("*:443",): True}
    assert sites[-1].protocols == ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
