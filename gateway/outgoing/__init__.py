"""Writing X12 and EDIFACT, control numbers, and the outbox that both answers and documents use."""
