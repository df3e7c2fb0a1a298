"""Whether a member is who enrolled: one person against one template, never a search.

Templates are sensitive personal information. They stay on this machine, encrypted, and
nothing here sends them anywhere.
"""

from .base import Biometric, EnrolFailed, Match, SensorFault
from .check import FingerCheck
from .fingerprints import Fingerprints
from .members import Members
from .r30x import FingerSensor
from .templates import TemplateStore

__all__ = [
    "Biometric",
    "EnrolFailed",
    "FingerCheck",
    "FingerSensor",
    "Fingerprints",
    "Match",
    "Members",
    "SensorFault",
    "TemplateStore",
]
