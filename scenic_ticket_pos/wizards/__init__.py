from . import scenic_staff_card_issue, scenic_window_pin_set
