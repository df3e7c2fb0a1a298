from . import (
    scenic_device_key,
    scenic_device_switch,
    scenic_lane_count,
    scenic_lane_switch,
    scenic_pass_review,
    scenic_staff_lanes,
)
