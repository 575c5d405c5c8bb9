"""Decrypts one OpenPGP message, as a process: `python -m gateway.formats.pgp MESSAGE TARGET KEY BYTES_MAX [SIGNER]`.

The passphrase of the key comes by standard input. Ends with 1 and a line of what went wrong.
"""

from __future__ import annotations

import resource
import signal
import sys
from pathlib import Path
from typing import Any

import pysequoia


def main(message: str, target: str, key: str, bytes_max: str, signer: str = "") -> str:
    """Write what the message says to a file; "" or what went wrong."""
    passphrase = sys.stdin.read()
    # A write beyond the limit fails, instead of ending the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(bytes_max), int(bytes_max)))
    unsigned = f"it has no valid signature of {Path(signer).name}"
    wanted = [pysequoia.Cert.from_file(signer)] if signer else []
    try:
        decryptor = pysequoia.Tsk.from_file(key).decryptor(passphrase or None)
        asked: dict[str, Any] = {"store": lambda _ids: wanted} if wanted else {}
        done = pysequoia.decrypt_file(decryptor=decryptor, input=Path(message), output=Path(target), **asked)
    except Exception as error:  # noqa: BLE001 - the library has no exceptions of its own
        if Path(target).exists() and Path(target).stat().st_size >= int(bytes_max):
            return "more bytes come out of it than unpacked_bytes_max"
        reason = str(error).partition("Stack backtrace")[0].strip() or type(error).__name__
        return unsigned if wanted and "no valid signature" in reason else " ".join(reason.split())
    known = {cert.fingerprint for cert in wanted}
    if wanted and not known & {signature.certificate for signature in done.valid_sigs}:
        return unsigned
    return ""


if __name__ == "__main__":
    fault = main(*sys.argv[1:])
    if fault:
        print(fault, file=sys.stderr)
    sys.exit(bool(fault))
