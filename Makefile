# Every target sets up what it needs; nothing but Python 3.11+ is prepared beforehand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Tests start hundreds of processes: each would compile the modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test nightly lint bench pages setup clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(STAMP)

setup: $(STAMP)

demo: $(STAMP)
	$(BIN)/gateway demo
	@echo 'The program is $(BIN)/gateway. To call it by its name: export PATH="$$PWD/$(BIN):$$PATH"'

lint: $(STAMP)
	$(BIN)/ruff check gateway tests
	$(BIN)/ruff format --check gateway tests
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest -n 3 --dist worksteal

nightly: $(STAMP)
	MUTATIONS=10000 HOURS=24 $(BIN)/pytest -n 2 tests/formats/test_contract.py tests/mapping/lint/test_slips.py tests/formats/test_corpus.py tests/formats/test_growth.py tests/test_day.py
	HOMES=4 SEEDS=4 $(BIN)/pytest -n 2 tests/ledger/test_kill.py tests/synthetic
	KILLS=200 FILES=2000 PARTNERS=50 $(BIN)/pytest -n 2 tests/test_daemon_kill.py tests/transports/test_load.py
	DOCUMENTS=all $(BIN)/pytest tests/test_coverage_of_packs.py tests/test_replaced_documents.py

pages: $(STAMP)
	$(BIN)/python -m gateway.model.page > docs/ledger.md
	$(BIN)/python -m gateway.model.page mappings > docs/tables.md
	$(BIN)/python -m gateway.books.reconcile.page > docs/reconciliations.md
	$(BIN)/python -m tests.mistakes > docs/messages.md
	$(BIN)/python -m gateway.mapping.library.shipped_packs > gateway/mapping/library/packs.sha256

# Without the libraries to compare with, the cases say so.
bench: $(STAMP)
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV) demo
