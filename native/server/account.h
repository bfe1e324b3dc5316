// Accounts: the user and the group that a process runs as, or that a file is for.
#pragma once

#include <sys/types.h>

#include <string>

namespace sealgate {

struct Account {
  std::string name;  // of the user; as it was given where none has this number
  uid_t user = 0;
  gid_t group = 0;
};

// NAME, NAME:GROUP, with numbers in place of names. Without a group it is the user's own. False, with the
// reason, when there is no such user or group.
bool find_account(const std::string& text, Account* out, std::string* failure);

// From now on the whole process, with all of its threads, is this user's, and there is no way back. Without
// the right to change users only the one that it is already is accepted. False, with the reason, when it
// fails: then the process should end.
bool become(const Account& account, std::string* failure);

}  // namespace sealgate
