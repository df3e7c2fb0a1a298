from . import test_window_sale
from . import test_window_refund
from . import test_window_books
from . import test_window_rights
from . import test_window_tours
