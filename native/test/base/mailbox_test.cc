// A mailbox hands each letter over once, in order, to the thread that opens it.
#include "base/mailbox.h"

#include <string>
#include <thread>

#include "test/check.h"
#include "test/readable.h"

namespace sealgate {
namespace {

TEST("a mailbox is readable exactly while letters lie in it") {
  Mailbox mailbox;
  CHECK(!readable(mailbox.fd(), 0));
  mailbox.post([] {});
  mailbox.post([] {});
  CHECK(readable(mailbox.fd(), 0));
  mailbox.open();
  CHECK(!readable(mailbox.fd(), 0));
  mailbox.post([] {});
  CHECK(readable(mailbox.fd(), 0));
}

TEST("letters run in the order they were posted") {
  Mailbox mailbox;
  std::string order;
  for (const char letter : {'a', 'b', 'c'}) mailbox.post([&order, letter] { order.push_back(letter); });
  mailbox.open();
  CHECK_EQ(order, "abc");
  mailbox.open();
  CHECK_EQ(order, "abc");
}

TEST("a letter posted by a letter waits for the next opening, and wakes") {
  Mailbox mailbox;
  int runs = 0;
  mailbox.post([&] {
    runs++;
    mailbox.post([&] { runs++; });
  });
  mailbox.open();
  CHECK_EQ(runs, 1);
  CHECK(readable(mailbox.fd(), 0));
  mailbox.open();
  CHECK_EQ(runs, 2);
}

TEST("letters of many threads each run once, on the thread that opens, in order by sender") {
  constexpr int kSenders = 4, kLetters = 5'000;
  Mailbox mailbox;
  std::vector<int> seen(kSenders, 0);
  bool in_order = true;
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; sender++) {
    senders.emplace_back([&, sender] {
      for (int letter = 0; letter < kLetters; letter++) {
        mailbox.post([&, sender, letter] {
          const auto at = static_cast<size_t>(sender);
          in_order = in_order && seen[at] == letter;
          seen[at]++;
        });
      }
    });
  }
  int total = 0;
  while (total < kSenders * kLetters && readable(mailbox.fd(), kPatience)) {
    mailbox.open();
    total = 0;
    for (const int count : seen) total += count;
  }
  for (std::thread& sender : senders) sender.join();
  CHECK_EQ(total, kSenders * kLetters);
  CHECK(in_order);
  CHECK(!readable(mailbox.fd(), 0));
}

}  // namespace
}  // namespace sealgate
