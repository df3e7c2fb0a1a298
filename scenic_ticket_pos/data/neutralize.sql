-- a copy of the database decides on no exceptions by the PINs of the original
DELETE FROM scenic_window_pin;
