"""When a ticket admits: local days, hours of the day, and their moments in UTC.

Pure functions, no database. A day is judged by the clock of a site; minutes of the day
are minutes of its wall clock, 0 to 1440. Moments are naive UTC; a window includes its
start and excludes its end.
"""

from datetime import date, datetime, time, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

ALL_DAYS = 127
FULL_DAY = 1440
# Over longer windows the opening hours are known to change: only the gate, which knows
# the day, can judge by them.
FROZEN_HOURS_DAYS = 31


class Window(NamedTuple):
    """When a right may be used; what an entitlement freezes at issue."""

    first_day: date
    span_days: int
    valid_from: datetime
    valid_to: datetime
    weekdays: int = ALL_DAYS
    minute_from: int = 0
    minute_to: int = FULL_DAY

    @property
    def last_day(self):
        return self.first_day + timedelta(days=self.span_days - 1)


class Hours(NamedTuple):
    """One row of opening hours; the first row that covers a day decides."""

    date_from: date | None
    date_to: date | None
    yearly: bool
    weekdays: int
    minute_from: int
    minute_to: int  # first minute without admission; equal to minute_from: closed

    def covers(self, day):
        """Tell whether this row speaks about a day."""
        if not self.weekdays >> day.weekday() & 1:
            return False
        if self.yearly:
            key = (day.month, day.day)
            start = (self.date_from.month, self.date_from.day)
            end = (self.date_to.month, self.date_to.day)
            if start <= end:
                return start <= key <= end
            # a winter season goes over the end of the year
            return key >= start or key <= end
        return (not self.date_from or self.date_from <= day) and (
            not self.date_to or day <= self.date_to
        )


def opening(rows, day):
    """Return ``(minute_from, minute_to)`` of a day, or None when it is closed.

    :param rows: ``Hours``, the most special first; none at all: always open
    """
    if not rows:
        return 0, FULL_DAY
    for row in rows:
        if row.covers(day):
            if row.minute_from < row.minute_to:
                return row.minute_from, row.minute_to
            return None
    return None


def add_months(day, months):
    """Return the first day after a period of months that begins with a day.

    Where the last month has no such day, the period ends with that month
    (Civil Code of China, art. 202): one year from 29 February ends on 28 February.
    """
    index = day.year * 12 + day.month - 1 + months
    try:
        return date(index // 12, index % 12 + 1, day.day)
    except ValueError:
        index += 1
        return date(index // 12, index % 12 + 1, 1)


def ages(birth_date, day):
    """Return the completed years of a person on a day.

    A second age is returned on 28 February of a common year for somebody born on
    29 February, whose birthday may be counted on that day or on the next one.
    """
    years = day.year - birth_date.year
    if (day.month, day.day) < (birth_date.month, birth_date.day):
        years -= 1
        if (birth_date.month, birth_date.day, day.month, day.day) == (
            2,
            29,
            2,
            28,
        ) and ((day + timedelta(days=1)).month == 3):
            return {years, years + 1}
    return {years}


def local_day(moment, zone):
    """Return the day at a site at a moment in UTC."""
    return moment.replace(tzinfo=timezone.utc).astimezone(zone).date()


def local_minute(moment, zone):
    """Return the minute of the day by the clock of a site."""
    local = moment.replace(tzinfo=timezone.utc).astimezone(zone)
    return local.hour * 60 + local.minute


def day_start(day, zone):
    """Return the moment at which a local day begins."""
    start = datetime.combine(day, time.min, tzinfo=zone)
    return start.astimezone(timezone.utc).replace(tzinfo=None)


def day_intervals(day, minute_from, minute_to, zone):
    """Return the moments of a day at which the wall clock is between two minutes.

    One interval ``(start, end)`` as a rule; none where the clock skips these minutes,
    and two where it is turned back over them.
    """
    start, end = day_start(day, zone), day_start(day + timedelta(days=1), zone)
    first, last = _offset(start, zone), _offset(end - timedelta(seconds=1), zone)
    if first == last:
        parts = [(start, end, first)]
    else:
        change = _clock_change(start, end, zone)
        parts = [(start, change, first), (change, end, last)]
    midnight = datetime.combine(day, time.min)
    intervals = []
    for begin, finish, offset in parts:
        begin = max(begin, midnight + timedelta(minutes=minute_from) - offset)
        finish = min(finish, midnight + timedelta(minutes=minute_to) - offset)
        if begin < finish:
            intervals.append((begin, finish))
    return intervals


def _offset(moment, zone):
    return moment.replace(tzinfo=timezone.utc).astimezone(zone).utcoffset()


def _clock_change(before, after, zone):
    """Return the moment between two others from which another offset counts."""
    old = _offset(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _offset(middle, zone) == old:
            before = middle
        else:
            after = middle
    return after


class Calendar(NamedTuple):
    """On which days, and at which minutes of them, something admits."""

    zone: ZoneInfo
    weekdays: int = ALL_DAYS
    minute_from: int = 0
    minute_to: int = FULL_DAY
    blackouts: tuple = ()  # (first day, last day)
    hours: tuple = ()  # Hours

    def refusal(self, day):
        """Return why nobody is admitted on a day, or None.

        :return: ``DATE_WEEKDAY``, ``DATE_BLACKOUT``, ``DATE_CLOSED`` or None
        """
        if not self.weekdays >> day.weekday() & 1:
            return "DATE_WEEKDAY"
        if any(first <= day <= last for first, last in self.blackouts):
            return "DATE_BLACKOUT"
        if not self.minutes(day):
            return "DATE_CLOSED"
        return None

    def minutes(self, day):
        """Return the minutes of a day, without regard to weekday and blackout."""
        hours = opening(self.hours, day)
        if not hours:
            return None
        start = max(self.minute_from, hours[0])
        end = min(self.minute_to, hours[1])
        return (start, end) if start < end else None

    def next_day(self, day, last=None, limit=400):
        """Return the next day after a day on which somebody is admitted, or None."""
        for _count in range(limit):
            day += timedelta(days=1)
            if last and day > last:
                return None
            if not self.refusal(day):
                return day
        return None

    def window(self, first, last, not_before=None, between=None):
        """Return the ``Window`` of a right from a first to a last local day.

        :param datetime not_before: moment before which nobody is admitted
        :param between: ``(start, end)``, moments of a time slot; where the last day is
            open until midnight, its slot may go on after it
        :return: None when the intersection of all is empty
        """
        span = (last - first).days + 1
        calendar = self
        if span > FROZEN_HOURS_DAYS:
            calendar = self._replace(hours=())
        days = [first + timedelta(days=count) for count in range(span)]
        if span > FROZEN_HOURS_DAYS:
            # A card of ten years has thousands of days: only both ends matter.
            minutes = {(self.minute_from, self.minute_to)}
        else:
            days = [day for day in days if not calendar.refusal(day)]
            minutes = {calendar.minutes(day) for day in days}
        limits = (last, not_before, between)
        valid_from = calendar._edge(days, *limits, 0)
        valid_to = calendar._edge(reversed(days), *limits, 1)
        if not valid_from:
            return None
        window = Window(
            first,
            span,
            valid_from,
            valid_to,
            self.weekdays,
            min(start for start, _end in minutes),
            max(end for _start, end in minutes),
        )
        return self._over_midnight(window, last)

    def _over_midnight(self, window, last):
        """Let hours and days of the week pass a slot that goes on after midnight."""
        day = local_day(window.valid_to - timedelta(seconds=1), self.zone)
        if day <= last:
            return window
        weekdays = window.weekdays
        while day > last:
            weekdays |= 1 << day.weekday()
            day -= timedelta(days=1)
        return window._replace(weekdays=weekdays, minute_from=0, minute_to=FULL_DAY)

    def _edge(self, days, last, not_before, between, side):
        """Return the start (0) or end (1) of the first day that admits somebody."""
        for day in days:
            if self.refusal(day):
                continue
            minutes = self.minutes(day)
            intervals = day_intervals(day, *minutes, self.zone)
            if between and day == last and minutes[1] == FULL_DAY and intervals:
                start, end = intervals[-1]
                intervals[-1] = (start, max(end, between[1]))
            for start, end in reversed(intervals) if side else intervals:
                if not_before:
                    start = max(start, not_before)
                if between:
                    start, end = max(start, between[0]), min(end, between[1])
                if start < end:
                    return (start, end)[side]
        return None
