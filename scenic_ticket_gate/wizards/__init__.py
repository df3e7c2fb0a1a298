from . import scenic_device_key, scenic_pass_review, scenic_staff_lanes
