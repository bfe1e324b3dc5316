#include "server/account.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "base/status.h"
#include "base/text.h"

namespace sealgate {
namespace {

constexpr size_t kEntryBytes = 65536;  // of an entry in the databases of users and groups

bool find_user(const std::string& text, Account* out, bool* has_group) {
  std::vector<char> space(kEntryBytes);
  passwd entry{}, *found = nullptr;
  uid_t number = 0;
  const bool numeric = read_number(text, &number);
  if (numeric) {
    (void)::getpwuid_r(number, &entry, space.data(), space.size(), &found);
  } else {
    (void)::getpwnam_r(text.c_str(), &entry, space.data(), space.size(), &found);
  }
  *has_group = found != nullptr;
  if (!found && !numeric) return false;
  out->name = found ? found->pw_name : text;
  out->user = found ? found->pw_uid : number;
  if (found) out->group = found->pw_gid;
  return true;
}

bool find_group(const std::string& text, gid_t* out) {
  if (read_number(text, out)) return true;
  std::vector<char> space(kEntryBytes);
  group entry{}, *found = nullptr;
  (void)::getgrnam_r(text.c_str(), &entry, space.data(), space.size(), &found);
  if (found) *out = found->gr_gid;
  return found != nullptr;
}

// Whether every thread of the process has these ids.
bool all_threads_are(const Account& account) {
  std::error_code failed;  // without /proc there is nothing to see
  std::filesystem::directory_iterator tasks("/proc/self/task", failed);
  for (; !failed && tasks != std::filesystem::directory_iterator(); tasks.increment(failed)) {
    const std::string path = tasks->path().string() + "/status";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
    char line[256];
    while (file && std::fgets(line, sizeof line, file.get())) {
      unsigned real, effective, saved;
      if (std::sscanf(line, "Uid:\t%u\t%u\t%u", &real, &effective, &saved) == 3 &&
          (real != account.user || effective != account.user || saved != account.user))
        return false;
    }
  }
  return true;
}

}  // namespace

bool find_account(const std::string& text, Account* out, std::string* failure) {
  const size_t colon = text.find(':');
  const std::string user = text.substr(0, colon);
  bool has_group = false;
  if (!find_user(user, out, &has_group)) return *failure = "there is no user " + user, false;
  if (colon != text.npos) {
    const std::string group = text.substr(colon + 1);
    if (!find_group(group, &out->group)) return *failure = "there is no group " + group, false;
  } else if (!has_group) {
    return *failure = "there is no user " + user + " whose group could be taken; name a group, too", false;
  }
  return true;
}

// glibc changes the ids of all threads.
bool become(const Account& account, std::string* failure) {
  if (::geteuid() == account.user && ::getuid() == account.user && ::getegid() == account.group) return true;
  if (::geteuid() != 0) return *failure = "only root can become another user", false;
  const char* failed = nullptr;
  if (::initgroups(account.name.c_str(), account.group) != 0) {
    failed = "initgroups";
  } else if (::setresgid(account.group, account.group, account.group) != 0) {
    failed = "setresgid";
  } else if (::setresuid(account.user, account.user, account.user) != 0) {
    failed = "setresuid";
  }
  if (failed) return *failure = describe(Status::last(failed)), false;
  if (account.user != 0 && ::setuid(0) == 0) return *failure = "root's rights were not given up", false;
  if (!all_threads_are(account)) return *failure = "not all threads have changed their user", false;
  return true;
}

}  // namespace sealgate
