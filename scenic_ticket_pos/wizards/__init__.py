from . import scenic_window_pin_set
