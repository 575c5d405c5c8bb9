"""The `config.toml` of a new home without examples: one legal entity, and what comes next as comments."""

TEXT = """# Settings of this home. Everything about one feed lives in mappings/<partner>/<feed>.toml.
# Every key that can be set is described in docs/configuration.md; `gateway check` names each mistake.

# A legal entity that keeps books. Change its name and currency; add a table for each further entity.
[entities.MAIN]
currency = "EUR"
name = "Our company"

# A partner: its files are dropped in inbound/acme/ and belong to the books of the entity.
# [partners.acme]
# entity = "MAIN"

# A sales channel: what it sells earns with the shipment, or with the settlement.
# [channels.web-shop]
# entity = "MAIN"
# revenue = "shipment"

# A server that is asked for files, beside the drop folders.
# [[sftp]]
# name = "acme"
# partner = "acme"
# host = "sftp.acme.example"
# user = "our-name"
# host_key = "ssh-ed25519 AAAA..."
# key_file = "keys/acme"
# remote_in = "out"
"""
