// SHA-256 (FIPS 180-4), for platforms without CryptoKit. With the processor's own instructions where
// it has them, so that checking a file costs about as much as reading it.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Computes the digest of `length` bytes.
void sha256_digest(const void *bytes, size_t length, uint8_t digest[32]);

/// The same on the portable code alone, which the tests hold against the processor's.
void sha256_digest_portable(const void *bytes, size_t length, uint8_t digest[32]);

/// Whether `sha256_digest` uses the processor's instructions here.
bool sha256_is_accelerated(void);
