"""Measurements; ``make bench`` runs them. Figures are ratios within one run."""
