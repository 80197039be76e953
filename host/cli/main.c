/* hufu: the command line of a Hufu key device. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host/cli/cli.h"

const struct command *const command_groups[] = {
    admin_commands,    account_commands,       key_commands,     archive_commands,
    random_commands,   use_commands,           x509_commands,    log_commands,
    identity_commands, domain_commands,        import_commands,  backup_commands,
    quorum_commands,   device_backup_commands, channel_commands, NULL};

const struct option global_options[] = {
    {"device=URL", "unix:PATH, pcsc:READER, usb:VID:PID or inproc:DIRECTORY (default: HUFU_DEVICE)",
     0},
    {"account=NAME", "who logs in: admin, operator, user, a name or a number", 0},
    {"pin-file=FILE", "the PIN is the first line of FILE", 0},
    {"json", "JSON for scripts, where a command prints a report", 0},
    {"quiet", "no notes, no progress", 'q'},
    {"timeout=SECONDS", "for an answer of the device (default 60)", 0},
    {"help", "this text, or that of a command", 'h'},
    {"version", "the version", 0},
    {NULL, NULL, 0}};

static void print_options(const struct option *o)
{
    for (; o && o->spec; o++) {
        char text[64] = "", what[16];
        const size_t n = strcspn(o->spec, "=");
        if (o->letter)
            snprintf(text, sizeof text, "-%c, ", o->letter);
        const size_t used = strlen(text);
        option_value(o, what);
        snprintf(text + used, sizeof text - used, "--%.*s%s%s", (int)n, o->spec, *what ? " " : "",
                 what);
        printf("  %-26s %s\n", text, o->text);
    }
}

/* All commands, or those whose first word is group. */
static void print_commands(const char *group)
{
    const size_t n = group ? strlen(group) : 0;
    for (size_t g = 0; command_groups[g]; g++)
        for (const struct command *c = command_groups[g]; c->name; c++)
            if (!group || (!strncmp(c->name, group, n) && (!c->name[n] || c->name[n] == ' ')))
                printf("  %-26s %s\n", c->name, c->text);
}

static void help_all(const char *group)
{
    printf("usage: hufu [option...] %s%sCOMMAND [option...]\n\n"
           "Makes and uses keys on a Hufu device.\n\nCommands (hufu COMMAND --help, or hufu help "
           "COMMAND, tells more):\n",
           group ? group : "", group ? " " : "");
    print_commands(group);
    printf("\nOptions of all commands:\n");
    print_options(global_options);
    printf("\nA PIN comes from --pin-file, from HUFU_ADMIN_PIN, HUFU_OPERATOR_PIN or "
           "HUFU_USER_PIN, from\n"
           "HUFU_PIN, or is asked for on the terminal; never from the arguments.\n"
           "Exit status: 0 done, 1 the operation failed, 2 wrong usage.\n");
}

static void help_one(const struct command *c)
{
    char what[16];
    printf("usage: hufu %s", c->name);
    for (const struct option *o = c->options; o && o->spec; o++)
        if (option_needed(o))
            printf(" --%.*s %s", (int)strcspn(o->spec, "="), o->spec, option_value(o, what));
    printf(" [option...]%s%s\n\n%s.\n", c->operands ? " " : "", c->operands ? c->operands : "",
           c->text);
    if (c->account)
        printf("Logs in as %s unless --account says otherwise.\n", c->account);
    if (c->options) {
        printf("\nOptions:\n");
        print_options(c->options);
    }
    printf("\nOptions of all commands:\n");
    print_options(global_options);
}

/* What was printed must have arrived. */
static int flush(int status)
{
    if ((fflush(stdout) || ferror(stdout)) && !status)
        return say_failed("standard output: cannot be written");
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const int status = args_parse(cli, argc, argv);
    if (status)
        return status;
    if (flag(cli, "version")) {
        printf("hufu %s\n", hufu_version());
        return DONE;
    }
    if (flag(cli, "help")) {
        if (cli->command)
            help_one(cli->command);
        else
            help_all(cli->group);
        return DONE;
    }
    if (cli->group)
        return say_usage(cli, "one word more is needed");
    if (!cli->command)
        return say_usage(cli, "no command given");
    const int sound = args_sound(cli);
    if (sound)
        return sound;
    const int ran = cli->command->run(cli);
    return cli->approve && ran == FAILED ? approve_wait(cli) : ran;
}

/* A file or link that is opened must not get the number of a standard stream that was closed, or
 * what is printed would go into it. A disk that is full is told of, and nobody finds a PIN in a
 * core. */
static void prepare(void)
{
    const struct rlimit none = {0, 0};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd ? O_RDONLY : O_WRONLY); /* so that its use still fails */
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGXFSZ, SIG_IGN);
}

int main(int argc, char **argv)
{
    static struct cli cli;
    prepare();
    const int status = run(&cli, argc, argv);
    link_close(&cli);
    free(cli.value);
    return flush(status);
}
