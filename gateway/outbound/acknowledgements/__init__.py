"""What a partner is told of what it sent: X12 997, 999, TA1, 824; EDIFACT CONTRL, APERAK; a list of what was rejected."""
