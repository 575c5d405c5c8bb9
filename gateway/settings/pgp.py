"""The key that encrypted files are opened with."""

from __future__ import annotations

from gateway.settings.strict import Strict


class Pgp(Strict):
    """Our OpenPGP key. The passphrase is read from the environment variable that `passphrase_env` names.

    Files of keys are below the home unless they are absolute.
    """

    key_file: str = ""
    passphrase_env: str = ""
