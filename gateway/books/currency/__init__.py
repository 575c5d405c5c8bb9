"""What currencies do to the books: amounts in the currency of the entity."""
