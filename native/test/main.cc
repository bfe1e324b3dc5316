// The main function of every C++ test: each native/test/FOLDER/NAME_test.cc is linked into a program of its
// own. A test that cannot run here prints `skipped: NAME: REASON` and returns; test/outcomes.ts counts these
// lines. AddressSanitizer reports signals itself, with the stack.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
