"""A moment of coverage-guided fuzzing, beginning with true frames."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scenic_gate_bridge.biometric import r30x_codec
from scenic_gate_bridge.drivers import catrax_codec, tpw_codec
from scenic_gate_bridge.readers import ic_codec, sdt_codec
from scenic_gate_bridge.readers.pcsc_codec import GET_UID

RUNS = 2000
CARD = bytes.fromhex("0102030405")
# which parser, its settings, the size of the pieces, and what comes
SEEDS = (
    b"\x00\x00\x03" + b"CODE1\rCODE2\r",
    b"\x00\x03\x03" + b"\x02CODE1\x03",
    b"\x01\x01\x04" + ic_codec.encode_ascii(CARD) * 2,
    b"\x01\x00\x04" + ic_codec.encode_binary(CARD, ic_codec.TYPE_EM) * 2,
    b"\x02\x00\x20" + sdt_codec.encode(bytes(3 + 4 + 256 + 1024)),
    b"\x02\x00\x05" + sdt_codec.encode(sdt_codec.FIND) * 2,
    b"\x03\x1a\xff" + GET_UID + b"\x90\x00",
    b"\x04\x01\x02" + catrax_codec.encode(catrax_codec.ACK) * 2,
    b"\x05\x01\x03" + tpw_codec.encode(tpw_codec.READ_COUNT, b"000001", 1),
    b"\x06\x00\x20" + r30x_codec.encode_data(bytes(512), 128),
)


@pytest.mark.timeout(300)
def test_no_parser_breaks(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS):
        (corpus / str(number)).write_bytes(seed)
    done = subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("fuzz_parsers.py"))),
            *("-seed=1", f"-runs={RUNS}", f"-artifact_prefix={tmp_path}/", corpus),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"Done {RUNS} runs" in done.stderr
