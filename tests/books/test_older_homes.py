"""Rule files that an older program laid down: what they lack comes from what is shipped, and is named."""

from __future__ import annotations

from gateway.books.older_homes import with_every_code, with_needed_conditions, with_younger_classes
from gateway.books.reconcile.families import FAMILIES
from tests.books.memory import RULES

REGISTRY = RULES.registry
BLOCKS = REGISTRY.reconciliations


def test_files_of_today_lack_nothing() -> None:
    assert RULES.notes == ()
    assert with_every_code(REGISTRY) == (REGISTRY, [])


def test_every_family_that_a_home_does_not_name_has_its_block() -> None:
    for family in FAMILIES:
        others = tuple(block for block in BLOCKS if block.family != family)
        found, [note] = with_every_code(REGISTRY.model_copy(update={"reconciliations": others}))
        assert found.codes == REGISTRY.codes
        assert note.startswith(f"mappings/reconciliations.toml: there is no block of the family {family};")


def test_a_code_that_a_block_does_not_name_is_there_and_the_others_keep_their_meaning() -> None:
    sent = next(block for block in BLOCKS if block.family == "sent")
    ours = sent.codes["ACK_REJECTED"].model_copy(update={"severity": 4, "days": 9})
    older = sent.model_copy(update={"codes": {"ACK_REJECTED": ours}})
    found, [note] = with_every_code(
        REGISTRY.model_copy(update={"reconciliations": tuple(older if b is sent else b for b in BLOCKS)})
    )
    assert found.codes["j", "ACK_REJECTED"] == ours
    assert found.codes.keys() == REGISTRY.codes.keys()
    assert "the family sent has no ACK_OVERDUE, " in note and "Fix: copy it from " in note


def test_a_block_takes_a_letter_that_is_free_and_a_team_that_exists() -> None:
    """The home has used the letter j for a reconciliation of its own, and has no team IN."""
    own = next(block for block in BLOCKS if block.family == "payout").model_copy(update={"letter": "j"})
    older = REGISTRY.model_copy(update={"owners": {"TR": "Treasury"}, "reconciliations": (own,)})
    found, _ = with_every_code(older)
    sent = next(block for block in found.reconciliations if block.family == "sent")
    assert (sent.letter, sent.slug) == ("j2", "sent")
    assert {code.owner for code in sent.codes.values()} == {"TR"}


def test_a_table_without_conditions_has_those_that_are_shipped() -> None:
    older = RULES.posting.model_copy(update={"conditions": {}})
    found, [note] = with_needed_conditions(older)
    assert found.condition("bank_line", "may_be_payout") == RULES.posting.condition("bank_line", "may_be_payout")
    assert note.startswith("mappings/posting.toml: there is no [conditions.bank_line];")


def test_a_condition_that_is_younger_than_the_table_is_completed_and_no_other() -> None:
    named = dict(RULES.posting.conditions["bank_line"])
    del named["is_payment"]
    older = RULES.posting.model_copy(update={"conditions": {"bank_line": named}})
    found, [note] = with_needed_conditions(older)
    assert found.conditions == RULES.posting.conditions
    assert note.startswith("mappings/posting.toml: there is no is_payment in [conditions.bank_line];")
    del named["may_be_payout"]
    slip = RULES.posting.model_copy(update={"conditions": {"bank_line": named}})
    assert "may_be_payout" not in with_needed_conditions(slip)[0].conditions["bank_line"]


def test_younger_classes_have_the_role_that_their_lines_had_before() -> None:
    assert with_younger_classes(RULES.posting) == (RULES.posting, [])
    younger = ("chargeback_lost", "dispute_fee", "goodwill", "conversion", "card_charge", "loan", "gift_card")
    rules = [
        rule.model_copy(update={"classes": {name: role for name, role in rule.classes.items() if name not in younger}})
        for rule in RULES.posting.rule
    ]
    found, [note] = with_younger_classes(RULES.posting.model_copy(update={"rule": tuple(rules)}))
    classes = found.rule[0].classes
    assert [classes[name] for name in younger] == [
        "disputes",
        "other_fees",
        "other_income",
        "payouts_in_transit",
        "payouts_in_transit",
        "payouts_in_transit",
        "suspense",
    ]
    assert "without the classes chargeback_lost (as chargeback), dispute_fee (as other_fee)," in note
    assert [rule.classes for rule in found.rule if rule.on != "settlement_line"] == [
        rule.classes for rule in RULES.posting.rule if rule.on != "settlement_line"
    ]
