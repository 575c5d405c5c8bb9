"""What a draft of a mapping or of rules would change: the archive is read again under it, in a ledger of its own.

The home's ledger is only read. A draft of a mapping replays the files of its feed in a copy of the ledger; a draft of
rules or settings needs two new ledgers of the whole archive, one under what is in force and one under the draft, since
what was posted by a rule stays posted.
"""

from gateway.reports.differences import PARTS, Difference
from gateway.what_if.draft import Draft, draft_of
from gateway.what_if.run import what_if

__all__ = ["PARTS", "Difference", "Draft", "draft_of", "what_if"]
