/*
 * The shortest way to a signature: log in, find or make a key, sign a message, verify it.
 *
 *   usage: sign URL PIN-FILE MESSAGE
 */
#include <stdio.h>
#include <string.h>

#include "host/lib/hufu.h"

static int failed(const char *what)
{
    fprintf(stderr, "sign: %s: %s\n", what, hufu_last_error());
    return 1;
}

/* The account's key of this label, made if it is not there. */
static enum hufu_status key_of(struct hufu_session *session, const char *label, uint32_t *handle)
{
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = label};
    const enum hufu_status s = hufu_object_find(session, 0, label, NULL, 0, handle);
    return s == HUFU_E_NO_OBJECT ? hufu_key_generate(session, &spec, handle, NULL, NULL) : s;
}

static int sign(struct hufu_session *session, const char *message)
{
    /* the device hashes: Z of the signer's ID and the public key, then the message */
    const struct hufu_signing how = {.scheme = HUFU_SIGN_SM2_MESSAGE};
    uint8_t signature[HUFU_SIGNATURE_MAX], der[72];
    size_t size, der_size;
    uint32_t handle;
    if (key_of(session, "example", &handle) ||
        hufu_sign(session, handle, &how, message, strlen(message), signature, &size) ||
        hufu_sm2_signature_to_der(signature, der, &der_size))
        return failed("sign");
    for (size_t i = 0; i < der_size; i++)
        printf("%02x", der[i]);
    putchar('\n');
    const struct hufu_key key = {.handle = handle};
    if (hufu_verify(session, &key, &how, message, strlen(message), signature, size))
        return failed("verify");
    return 0;
}

static int log_in(struct hufu_session *session, const char *pin_file)
{
    char pin[HUFU_PIN_MAX + 2] = "";
    FILE *f = fopen(pin_file, "r");
    if (!f || !fgets(pin, sizeof pin, f))
        perror(pin_file);
    if (f)
        fclose(f);
    const enum hufu_status s =
        hufu_login(session, HUFU_ACCOUNT_USER, pin, strcspn(pin, "\n"), NULL);
    hufu_wipe(pin, sizeof pin);
    return s ? failed("log-in") : 0;
}

int main(int argc, char **argv)
{
    struct hufu_device *device = NULL;
    struct hufu_session *session = NULL;
    if (argc != 4) {
        fprintf(stderr, "usage: sign URL PIN-FILE MESSAGE\n");
        return 2;
    }
    int status = hufu_open(&device, argv[1]) || hufu_session_open(device, &session)
                     ? failed(argv[1])
                     : log_in(session, argv[2]);
    if (!status)
        status = sign(session, argv[3]);
    hufu_session_close(session);
    hufu_close(device);
    return status;
}
