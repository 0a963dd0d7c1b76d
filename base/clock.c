/* Clocks and RFC 3339 dates; see clock.h. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/panic.h"
#include "base/text.h"

#define SECONDS_A_DAY INT64_C(86400)
/* 0000-01-01 and the end of 9999-12-31: what four digits of a year can say. */
#define FIRST_SECOND INT64_C(-62167219200)
#define LAST_SECOND  INT64_C(253402300799)
/* Where a manual clock begins: far enough from 0 that "never" and "now" differ. */
#define MANUAL_MONO_NS (1000 * BASE_NS_PER_S)

static int64_t read_system(clockid_t id)
{
    struct timespec now;

    if (clock_gettime(id, &now) != 0)
        base_panic("clock_gettime(%d) failed", (int)id);
    return (int64_t)now.tv_sec * BASE_NS_PER_S + now.tv_nsec;
}

static int64_t system_wall_ns(const struct base_clock *clock)
{
    (void)clock;
    return read_system(CLOCK_REALTIME);
}

static int64_t system_mono_ns(const struct base_clock *clock)
{
    (void)clock;
    return read_system(CLOCK_MONOTONIC);
}

static int64_t fixed_wall_ns(const struct base_clock *clock)
{
    return __atomic_load_n(&clock->fixed_wall_ns, __ATOMIC_RELAXED);
}

static int64_t fixed_mono_ns(const struct base_clock *clock)
{
    return __atomic_load_n(&clock->fixed_mono_ns, __ATOMIC_RELAXED);
}

static const struct base_clock_ops system_ops = {system_wall_ns, system_mono_ns};
static const struct base_clock_ops fixed_ops = {fixed_wall_ns, system_mono_ns};
static const struct base_clock_ops manual_ops = {fixed_wall_ns, fixed_mono_ns};

struct base_clock base_clock_system(void)
{
    return (struct base_clock){.ops = &system_ops};
}

struct base_clock base_clock_fixed(int64_t wall_s)
{
    return (struct base_clock){.ops = &fixed_ops, .fixed_wall_ns = wall_s * BASE_NS_PER_S};
}

struct base_clock base_clock_manual(int64_t wall_s)
{
    return (struct base_clock){
        .ops = &manual_ops,
        .fixed_wall_ns = wall_s * BASE_NS_PER_S,
        .fixed_mono_ns = MANUAL_MONO_NS,
    };
}

void base_clock_advance(struct base_clock *clock, int64_t ns)
{
    if (clock->ops == &system_ops)
        base_panic("the system's clock cannot be advanced");
    __atomic_add_fetch(&clock->fixed_wall_ns, ns, __ATOMIC_RELAXED);
    __atomic_add_fetch(&clock->fixed_mono_ns, ns, __ATOMIC_RELAXED);
}

int64_t base_clock_wall_ns(const struct base_clock *clock)
{
    return clock->ops->wall_ns(clock);
}

int64_t base_clock_wall_s(const struct base_clock *clock)
{
    int64_t ns = base_clock_wall_ns(clock);

    return ns / BASE_NS_PER_S - (ns % BASE_NS_PER_S < 0);
}

int64_t base_clock_mono_ns(const struct base_clock *clock)
{
    return clock->ops->mono_ns(clock);
}

struct timespec base_clock_deadline(int64_t ns)
{
    int64_t now = read_system(CLOCK_MONOTONIC);
    int64_t due = ns <= 0 ? now : (ns > INT64_MAX - now ? INT64_MAX : now + ns);

    return (struct timespec){.tv_sec = due / BASE_NS_PER_S, .tv_nsec = due % BASE_NS_PER_S};
}

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar. Years are counted from March,
 * so that the leap day is the last one. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted = month > 2 ? year : year - 1;
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_from_days(int64_t days, int *year_r, int *month_r, int *day_r)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    int64_t month = from_march < 10 ? from_march + 3 : from_march - 9;

    *day_r = (int)(day_of_year - (153 * from_march + 2) / 5 + 1);
    *month_r = (int)month;
    *year_r = (int)(year_of_era + era * 400 + (month <= 2));
}

static int days_of_month(int64_t year, int64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* Takes exactly `digits` digits off the front, and `after` behind them unless that is NUL. */
static bool take_number(const char **cursor, int digits, char after, int64_t *value_r)
{
    *value_r = 0;
    for (int i = 0; i < digits; i++, (*cursor)++) {
        if (!base_ascii_is_digit(**cursor))
            return false;
        *value_r = *value_r * 10 + (**cursor - '0');
    }
    if (after == '\0')
        return true;
    if (base_ascii_lower(**cursor) != after)
        return false;
    (*cursor)++;
    return true;
}

/* time-offset, in seconds east of UTC; must end the text. */
static bool take_offset(const char *cursor, int64_t *offset_r)
{
    int64_t hours, minutes;
    char sign = *cursor++;

    if (base_ascii_lower(sign) == 'z') {
        *offset_r = 0;
        return *cursor == '\0';
    }
    if (sign != '+' && sign != '-')
        return false;
    if (!take_number(&cursor, 2, ':', &hours) || !take_number(&cursor, 2, '\0', &minutes) ||
        *cursor != '\0' || hours > 23 || minutes > 59)
        return false;
    *offset_r = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return true;
}

bool base_clock_parse_rfc3339(const char *text, int64_t *wall_s_r)
{
    int64_t year, month, day, hour, minute, second, offset;

    if (!take_number(&text, 4, '-', &year) || !take_number(&text, 2, '-', &month) ||
        !take_number(&text, 2, 't', &day) || !take_number(&text, 2, ':', &hour) ||
        !take_number(&text, 2, ':', &minute) || !take_number(&text, 2, '\0', &second))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    if (*text == '.') {
        if (!base_ascii_is_digit(*++text))
            return false;
        while (base_ascii_is_digit(*text))
            text++;
    }
    if (!take_offset(text, &offset))
        return false;
    *wall_s_r = days_from_date(year, month, day) * SECONDS_A_DAY + hour * 3600 + minute * 60 +
                second - offset;
    return true;
}

void base_clock_format_rfc3339(int64_t wall_s, char *out, size_t size)
{
    int year, month, day;

    if (wall_s < FIRST_SECOND)
        wall_s = FIRST_SECOND;
    if (wall_s > LAST_SECOND)
        wall_s = LAST_SECOND;
    int64_t second = wall_s % SECONDS_A_DAY;

    if (second < 0)
        second += SECONDS_A_DAY;
    date_from_days((wall_s - second) / SECONDS_A_DAY, &year, &month, &day);
    int length = snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day,
                          (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));

    if (length < 0 || (size_t)length >= size)
        base_panic("a date needs 21 octets, not %zu", size);
}
