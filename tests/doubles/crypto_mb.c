/* Stands in for libcrypto_mb where a test wants one that is of another version, or that makes wrong signatures.
 * WRONG_AFTER: how many calls of the private operation are passed on to the library at REAL unchanged. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#ifndef MAJOR
#define MAJOR 1
#endif

struct version { int major, minor, revision; const char *name, *build_date, *text; };

static const struct version ours = { MAJOR, 0, 14, "crypto_mb", "", "" };

const struct version *mbx_getversion(void) { return &ours; }

#ifdef REAL

static void *real(const char *name) {
    static void *library;
    if (library == NULL) library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
    return dlsym(library, name);
}

int mbx_is_crypto_mb_applicable(uint64_t features) {
    return ((int (*)(uint64_t)) real("mbx_is_crypto_mb_applicable"))(features);
}

const void *mbx_RSA_private_crt_Method(int bits) {
    return ((const void *(*)(int)) real("mbx_RSA_private_crt_Method"))(bits);
}

const void *mbx_RSA_pub65537_Method(int bits) {
    return ((const void *(*)(int)) real("mbx_RSA_pub65537_Method"))(bits);
}

int mbx_RSA_Method_BufSize(const void *method) {
    return ((int (*)(const void *)) real("mbx_RSA_Method_BufSize"))(method);
}

typedef uint64_t const *const numbers[8];
typedef uint32_t (*private_operation)(const uint8_t *const[8], uint8_t *const[8], numbers, numbers, numbers, numbers,
                                      numbers, int, const void *, uint8_t *);
typedef uint32_t (*public_operation)(const uint8_t *const[8], uint8_t *const[8], numbers, int, const void *, uint8_t *);

uint32_t mbx_rsa_private_crt_mb8(const uint8_t *const from[8], uint8_t *const to[8], numbers p, numbers q, numbers dp,
                                 numbers dq, numbers iq, int bits, const void *method, uint8_t *buffer) {
    static int calls;
    uint32_t status = ((private_operation) real("mbx_rsa_private_crt_mb8"))(from, to, p, q, dp, dq, iq, bits, method, buffer);
    if (__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) >= WRONG_AFTER && to[WRONG_LANE] != NULL) to[WRONG_LANE][bits / 16] ^= 1;
    return status;
}

uint32_t mbx_rsa_public_mb8(const uint8_t *const from[8], uint8_t *const to[8], numbers n, int bits, const void *method,
                            uint8_t *buffer) {
    return ((public_operation) real("mbx_rsa_public_mb8"))(from, to, n, bits, method, buffer);
}

#endif
