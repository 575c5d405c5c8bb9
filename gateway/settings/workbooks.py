"""How many workbooks stay in outbound/."""

from __future__ import annotations

from pydantic import Field

from gateway.settings.strict import Strict


class Workbooks(Strict):
    """How many issues of each workbook stay below outbound/; older ones go, unless somebody wrote into them."""

    keep: int = Field(default=30, ge=1)
