# Everything is done by dev/scenic.py; these are its short names.
PORT ?= 8069
SCENIC = python3 dev/scenic.py

.PHONY: help setup run test test-stock lint bench screenshots i18n shell clean

help:
	@$(SCENIC) --help

setup:
	@$(SCENIC) setup

run:
	@$(SCENIC) run --port $(PORT) $(if $(filter 1 yes true,$(ONCE)),--once)

test:
	@$(SCENIC) test $(PARTS)

test-stock:
	@$(SCENIC) test stock

lint:
	@$(SCENIC) lint

bench:
	@$(SCENIC) bench $(if $(TICKETS),--tickets $(TICKETS)) $(if $(PARTS),--only $(PARTS))

screenshots:
	@$(SCENIC) screenshots $(PARTS)

i18n:
	@$(SCENIC) i18n

shell:
	@$(SCENIC) shell

clean:
	@$(SCENIC) clean
