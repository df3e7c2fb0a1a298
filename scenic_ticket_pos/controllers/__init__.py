from . import scenic_phone, scenic_shift
