// Linked into every program of tests that uses TLS. OpenSSL's own clean-up at exit forgets the
// error queues and random generators of threads that still run, as those of gRPC's event engine
// do: LeakSanitizer then reports them. Without it they stay reachable.
#include <openssl/crypto.h>

namespace {

const int kInitialised = OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);

}  // namespace
