/* The limits of keys: given as options, printed. */
#include <string.h>
#include <time.h>

#include "host/cli/cli.h"

/* strptime would take half of it, too */
static bool date_parse(const char *text, uint64_t *ms)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    const size_t n = strlen(text);
    int v[6] = {0}, field = 0;
    if (n != sizeof form - 1 && n != 10)
        return false;
    for (size_t i = 0; i < n; i++) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != form[i])
            return false;
        if (digit)
            v[field] = 10 * v[field] + text[i] - '0';
        else
            field++;
    }
    struct tm t = {.tm_year = v[0] - 1900,
                   .tm_mon = v[1] - 1,
                   .tm_mday = v[2],
                   .tm_hour = v[3],
                   .tm_min = v[4],
                   .tm_sec = v[5]};
    const struct tm given = t;
    const time_t seconds = timegm(&t);
    *ms = (uint64_t)seconds * 1000;
    /* what is no date was made into another one */
    return seconds > 0 && t.tm_mon == given.tm_mon && t.tm_mday == given.tm_mday &&
           t.tm_hour == given.tm_hour && t.tm_min == given.tm_min && t.tm_sec == given.tm_sec;
}

static bool date_of(const struct cli *cli, const char *name, uint64_t *ms)
{
    const char *text = value_of(cli, name);
    *ms = 0;
    if (!text || date_parse(text, ms))
        return true;
    say_usage(cli, "--%s %s: give YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ (UTC)", name, text);
    return false;
}

bool policy_of(const struct cli *cli, struct hufu_policy *policy)
{
    uint64_t uses;
    memset(policy, 0, sizeof *policy);
    if (!number_of(cli, "limit", 1, UINT32_MAX, 0, &uses) ||
        !date_of(cli, "not-before", &policy->not_before) ||
        !date_of(cli, "not-after", &policy->not_after) ||
        !mask_of(cli, "withhold", "usage", 0, &policy->withheld))
        return false;
    policy->uses = (uint32_t)uses;
    if (!policy->not_after || policy->not_before < policy->not_after)
        return true;
    say_usage(cli, "--not-after must be later than --not-before");
    return false;
}

/* An older key may have been used before it was limited. */
static bool counts_all(const struct hufu_policy *policy)
{
    return policy->flags & HUFU_POLICY_FROM_BIRTH;
}

void policy_json(const struct hufu_policy *p)
{
    char t[32];
    if (p->uses) {
        json_number("limit", p->uses);
        json_number("used", p->used);
        json_bool("counted-from-birth", counts_all(p));
    }
    if (p->not_before)
        json_text("not-before", time_text(p->not_before, t));
    if (p->not_after)
        json_text("not-after", time_text(p->not_after, t));
    if (p->withheld)
        json_mask("withheld", "usage", p->withheld);
}

void policy_text(const struct hufu_policy *p)
{
    char t[32], usage[USAGE_ROOM];
    if (p->uses)
        printf("uses      %u of %u%s\n", (unsigned)p->used, (unsigned)p->uses,
               counts_all(p) ? "" : ", counted since it was limited");
    if (p->not_before)
        printf("from      %s\n", time_text(p->not_before, t));
    if (p->not_after)
        printf("until     %s\n", time_text(p->not_after, t));
    if (p->withheld)
        printf("withholds %s\n", mask_words("usage", p->withheld, usage, sizeof usage));
}
