from . import scenic_admission_report
