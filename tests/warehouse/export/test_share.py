"""A release shared as its own file: byte for byte, at a path that never changes its content, behind a manifest."""

import hashlib
import re
import subprocess
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from flows.cli import main
from schemas.errors import RunFailed, UsageError
from tests.newsroom import A_DAY
from tests.proofs.lake_environment import DUCKDB, make_python
from tests.range_server import serve
from tests.warehouse.export.exports import TOPICS, export, manifest_of, pretend_older, small_warehouse
from warehouse.export.place import Folder

README = Path(__file__).resolve().parents[3] / "warehouse" / "README.md"
EXTENSION = "duckdb-extension-httpfs"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_warehouse(tmp_path_factory.mktemp("share"))


@pytest.fixture
def root(file: Path, tmp_path: Path) -> Path:
    assert (
        main(["export", "--warehouse", str(file), "--format", "duckdb", "--to", str(tmp_path / "out"), "--quiet"]) == 0
    )
    return tmp_path / "out"


def _database(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = manifest_of(root)["database"]
    return found


def test_the_manifest_names_the_very_file_of_the_release(root: Path, file: Path) -> None:
    tree, database = manifest_of(root), _database(root)
    content = (root / database["path"]).read_bytes()
    assert content == file.read_bytes()
    assert (database["size"], database["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (tree["format"], tree["kept"], Path(database["path"]).name) == ("newsmart-duckdb", [], file.name)
    assert len((root / "manifest.json").read_bytes()) < 2000
    with duckdb.connect(root / database["path"], read_only=True) as connection:
        assert connection.execute("from news.dim_topic order by all").fetchall() == TOPICS


def test_a_shared_file_never_changes_and_stays_for_readers_in_progress(root: Path, file: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    assert not export(file, Folder(root), form="duckdb").is_new
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()} == before

    first = _database(root)["path"]
    pretend_older(root)
    done = export(file, Folder(root), form="duckdb")
    assert done.is_new and done.removed == ()
    assert _database(root)["path"] != first
    assert (root / first).stat().st_mtime_ns == before[root / first]
    assert manifest_of(root)["kept"][0]["folder"] == Path(first).parent.name


def test_a_place_holds_exports_of_one_format(root: Path, file: Path) -> None:
    before = (root / "manifest.json").read_bytes()
    with pytest.raises(UsageError, match=r"the place holds exports of another format: .*newsmart-duckdb"):
        export(file, Folder(root))
    assert (root / "manifest.json").read_bytes() == before
    assert (root / _database(root)["path"]).is_file()


def test_a_copy_that_breaks_off_leaves_readers_what_they_had(
    root: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_older(root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(RunFailed, match="the disk refused: cannot write the export"):
        export(file, Folder(root), form="duckdb")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another DuckDB with its extension for HTTP."""
    return make_python(tmp_path_factory.mktemp("environment"), (f"duckdb=={DUCKDB}", EXTENSION))


LOAD = (
    "import duckdb, importlib.util\n"
    "folder = importlib.util.find_spec('duckdb_extension_httpfs').submodule_search_locations[0]\n"
    "duckdb.execute(f\"load '{folder}/extensions/v{duckdb.__version__}/httpfs.duckdb_extension'\")\n"
)


def _read(reader: Path, code: str) -> "subprocess.CompletedProcess[str]":
    command = [str(reader), "-c", LOAD + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.slow  # it installs another DuckDB
def test_another_duckdb_attaches_it_over_http_as_the_readme_says(root: Path, reader: Path) -> None:
    text = README.read_text(encoding="utf-8")
    (code,) = re.findall(r"<!-- share -->\n```python\n(.*?)```", text, re.DOTALL)
    with serve(root) as (address, sent):
        code = code.replace("https://example.com/news", address).replace("news.articles", "news.dim_topic")
        assert "install httpfs" in code
        done = _read(reader, code.replace('duckdb.execute("install httpfs; load httpfs")\n', ""))
    assert (done.returncode, done.stderr) == (0, "")
    assert [topic for _, topic in TOPICS if topic not in done.stdout] == []
    assert sent[f"/{_database(root)['path']}"] > 0


@pytest.mark.slow  # it installs another DuckDB
def test_over_https_a_certificate_of_ones_own_is_a_global_setting(root: Path, reader: Path, tmp_path: Path) -> None:
    certificate = _certificate(tmp_path / "own.pem")
    with serve(root, certificate) as (address, _):
        ask = f"duckdb.execute(\"attach '{address}/{_database(root)['path']}' as news (read_only)\")\n"
        ask += "print(duckdb.sql('from news.dim_topic'))"
        done = _read(reader, f"duckdb.execute(\"set global ca_cert_file = '{certificate}'\")\n" + ask)
        refused = _read(reader, ask)
    assert (done.returncode, done.stderr) == (0, "")
    assert [topic for _, topic in TOPICS if topic not in done.stdout] == []
    assert "database does not exist" in refused.stderr


def _certificate(file: Path) -> Path:
    """Write a key and its self-signed certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "newsmart's tests")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + A_DAY)
    certificate = made.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    return file
