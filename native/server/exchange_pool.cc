#include "server/exchange_pool.h"

#include <utility>

#include "server/exchange.h"

namespace sealgate {
namespace {

constexpr size_t kUnused = 64;  // most exchanges kept for later requests, some 2 KB each

}  // namespace

ExchangePool::ExchangePool(Reactor& reactor) : reactor_(reactor) {}

ExchangePool::~ExchangePool() {
  while (Exchange* const exchange = unused_) {
    unused_ = exchange->next_unused;
    delete exchange;
  }
}

ExchangePool::Taken ExchangePool::take(Session& session, Transport& transport) {
  Exchange* exchange = unused_;
  if (exchange) {
    unused_ = exchange->next_unused;
    count_--;
  } else {
    exchange = new Exchange(reactor_);
  }
  exchange->begin(session, transport);
  return Taken(exchange, GiveBack{this});
}

void ExchangePool::give_back(Exchange* exchange) {
  exchange->end();
  if (count_ >= kUnused) {
    delete exchange;
    return;
  }
  exchange->next_unused = std::exchange(unused_, exchange);
  count_++;
}

}  // namespace sealgate
