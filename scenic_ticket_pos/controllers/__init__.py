from . import scenic_shift
