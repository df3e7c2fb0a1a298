"""Lane drivers: one module a make of turnstile controller."""
