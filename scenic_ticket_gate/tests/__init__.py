from . import (
    test_append_only,
    test_device,
    test_gate_api,
    test_gate_text,
    test_lane,
    test_neutralize,
    test_pass_rules,
    test_revenue,
    test_review,
    test_rights,
    test_zone,
)
