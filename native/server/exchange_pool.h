// ExchangePool: the exchanges of one reactor. A connection has one only while there is a request on it, so
// an idle connection holds no memory for requests, and a busy one reuses the memory of the last.
#pragma once

#include <cstddef>
#include <memory>

namespace sealgate {

class Exchange;
class Reactor;
class Session;
class Transport;

class ExchangePool {
 public:
  struct GiveBack {
    ExchangePool* pool = nullptr;
    void operator()(Exchange* exchange) const { pool->give_back(exchange); }
  };
  // Ends the exchange and returns it to the pool when it is destroyed.
  using Taken = std::unique_ptr<Exchange, GiveBack>;

  explicit ExchangePool(Reactor& reactor);
  ~ExchangePool();
  ExchangePool(const ExchangePool&) = delete;
  ExchangePool& operator=(const ExchangePool&) = delete;

  Taken take(Session& session, Transport& transport);

 private:
  void give_back(Exchange* exchange);

  Reactor& reactor_;
  Exchange* unused_ = nullptr;  // head of a linked list
  size_t count_ = 0;            // length of that list
};

}  // namespace sealgate
