"""What is bought: receipts, the orders that they answer, and the invoices for them."""
